"""The state of the Debian archive from which a tree is made: package lists, fetched once and kept.

A tree's key names this state.  So one recipe on one state gives the same bytes, and a later build does not change
silently because a mirror did.  `--refresh` looks at the archive again.

Every build imports this module, and few ask the archive or choose packages; so the modules for both are imported late.
"""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from builder.cache import Cache, Inputs
from builder.code import PROGRAM
from builder.container.engine import Engine, Image
from builder.debian import index
from builder.keys import digest_of_files, key_of
from builder.process import OnLine
from builder.recipe.models import Debian

if TYPE_CHECKING:
    from builder.debian.candidates import Candidates

STEP = "archive"
INDEX_STEP = "archive-index"
SETTINGS = {"suite", "architecture", "components", "mirror", "security_mirror"}
INDEX = "index.sqlite"
SKELETON = "skeleton.tar"
ORDER = "order"


@dataclass(frozen=True)
class Archive:
    """A state of the archive.  `date` is the date of its newest Release file (UTC): the source date.

    `index` is the file with an index of its lists, once `write_index` has written it.
    """

    digest: str
    date: datetime
    path: Path
    index: Path

    @property
    def lists(self) -> Path:
        """The directory of apt's package lists, in the form of /var/lib/apt/lists."""
        return self.path / "lists"

    @property
    def skeleton(self) -> Path:
        """The tar archive of a tree without packages, which has the sources of packages (sources.list(5))."""
        return self.path / SKELETON

    @property
    def order(self) -> list[str]:
        """The names of the Packages files among the lists, in the order in which apt reads them."""
        return [Path(line).name for line in (self.path / ORDER).read_text(encoding="utf-8").splitlines()]

    @property
    def job_inputs(self) -> dict[str, Path]:
        """The inputs of a job in which apt chooses packages: the lists, their index, and a tree without packages."""
        kept = {f"/input/{name}": self.path / name for name in ("lists", SKELETON)}
        return {**kept, f"/input/{INDEX}": self.index}

    def candidates(self) -> AbstractContextManager[Candidates]:
        """A context with the packages from which apt may choose."""
        from builder.debian.candidates import open_candidates

        return open_candidates(self.lists, self.index)


def inputs(debian: Debian) -> Inputs:
    """The settings that identify an archive."""
    return debian.model_dump(mode="json", include=SETTINGS)


@dataclass(frozen=True)
class Snapshots:
    """The snapshots of an archive that a cache keeps; the settings `debian` say which archive."""

    cache: Cache
    debian: Debian

    @property
    def pointer(self) -> Path:
        """The path of the cache's file that names the newest snapshot; the file need not exist."""
        return self.cache.pointer_file(STEP, self._key)

    @property
    def _key(self) -> str:
        return key_of(inputs(self.debian))

    def find(self) -> Archive | None:
        """The newest snapshot, if the cache has one."""
        digest = self.cache.pointer(STEP, self._key)
        if not digest or not self.cache.has(STEP, digest):
            return None
        found = self._open(digest)
        return found if found.skeleton.exists() and (found.path / ORDER).exists() else None

    def look(self, engine: Engine, image: Image, on_line: OnLine) -> Archive:
        """Ask the archive for its present state, and keep the snapshot in the cache.

        :raises NfsrootError: the mirror cannot be reached or does not have the suite.
        """
        from builder.debian.update import Update

        with self.cache.work(STEP) as directory:
            Update(directory, self.debian, engine, image, on_line).run()
            releases = digest_of_files(directory / "lists", ["*Release"])
            skeleton = digest_of_files(directory, [SKELETON])
            digest = key_of({**inputs(self.debian), "releases": releases, "skeleton": skeleton})

            def keep(target: Path) -> None:
                for entry in directory.iterdir():
                    entry.rename(target / entry.name)

            self.cache.produce(STEP, digest, inputs(self.debian), keep)
        self.cache.set_pointer(STEP, self._key, digest)
        return self._open(digest)

    def write_index(self, archive: Archive) -> None:
        """Write the index of a snapshot's lists, unless this version of the indexing code has written it already."""

        def make(directory: Path) -> None:
            index.make(archive.lists, directory / INDEX, archive.order)

        wanted = _index_inputs(archive.digest)
        self.cache.produce(INDEX_STEP, key_of(wanted), wanted, make)

    def _open(self, digest: str) -> Archive:
        path = self.cache.object(STEP, digest)
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        index_path = self.cache.object(INDEX_STEP, key_of(_index_inputs(digest))) / INDEX
        return Archive(digest, datetime.fromisoformat(state["date"]), path, index_path)


def _index_inputs(digest: str) -> Inputs:
    return {"archive": digest, "code": PROGRAM.digest(index.__name__)}
