"""The command line in a directory of its own, without anything of the user's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from command_line import Ended, Nfsroot

from builder.cli.main import main
from builder.recipe.models import Recipe
from builder.release.manifest import Manifest


@pytest.fixture
def nfsroot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Nfsroot:
    """Runs `nfsroot` with some arguments in an empty directory, with an empty cache beside it."""
    directory = tmp_path / "here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    for name in ("SOURCE_DATE_EPOCH", "VERSION", "SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NFSROOT_CACHE_DIR", str(tmp_path / "cache"))

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["nfsroot", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int | None)
        return Ended(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def manifest(kerrighed: Recipe) -> Manifest:
    """The manifest of a release 1.0 of the recipe kerrighed, which names no file and no package."""
    return Manifest(
        name="kerrighed",
        version="1.0",
        content="c" * 24,
        source_date=0,
        kernel_version="6.12.1-amd64",
        server_directory="/NFSROOT/kerrighed/1.0",
        recipe=kerrighed.model_dump(mode="json"),
        tools={},
        steps={},
        files=(),
        packages=(),
    )
