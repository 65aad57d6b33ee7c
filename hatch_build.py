"""Chooses the files of a wheel and of a source distribution: those that git tracks, and no others.

A checkout may hold recipes of its user, with ssh keys and hashes of passwords, which git does not ignore.  A source
distribution carries the list of its files, from which a wheel is made where there is no git.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIST = "FILES"
PLACES = {"builder": "builder", "elements": "builder/elements", "recipes": "builder/recipes"}
"""Directories of the project, and where they stand in a wheel."""


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Names each file of a distribution to hatchling, whose own selection is empty (pyproject.toml)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; an editable wheel has none, since it names this directory."""
        if version == "editable":
            return
        files = self._files()
        if self.target_name == "wheel":
            placed = ((file, Path(file).parts) for file in files)
            chosen = {file: "/".join((PLACES[top], *rest)) for file, (top, *rest) in placed if top in PLACES}
        else:
            self._temporary = TemporaryDirectory()
            written = Path(self._temporary.name, LIST)
            written.write_text("".join(f"{file}\n" for file in files), encoding="utf-8")
            chosen = {file: file for file in files} | {str(written): LIST}
        build_data["force_include"] |= {str(Path(self.root, file)): place for file, place in chosen.items()}

    def _files(self) -> list[str]:
        """The project's files, relative to its directory and sorted."""
        known = self._tracked()
        written = Path(self.root, LIST)
        if "pyproject.toml" not in known and written.is_file():
            known = written.read_text(encoding="utf-8").splitlines()
        if "pyproject.toml" not in known:
            raise RuntimeError(
                f"{self.root} is neither a git checkout nor an unpacked source distribution, so that nobody can tell "
                "nfsroot's files from others. Clone the repository, or install with pip --editable."
            )
        return sorted(file for file in known if Path(self.root, file).is_file())

    def _tracked(self) -> list[str]:
        """What git tracks here; nothing where there is no git."""
        argv = ["git", "-c", "safe.directory=*", "-c", "core.fsmonitor=false", "ls-files", "-z"]
        try:
            listed = subprocess.run(argv, cwd=self.root, capture_output=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return []
        return [name for name in listed.decode(errors="surrogateescape").split("\0") if name]
