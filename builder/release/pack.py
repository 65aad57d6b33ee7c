"""Packing: from the objects of the steps to the release's directory, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.boot import pxegrub
from builder.container.engine import Engine, Image, Job
from builder.errors import NfsrootError
from builder.files import RenderedFile
from builder.overlay.render import OWNED_PATHS
from builder.process import OnLine
from builder.recipe.models import Recipe, ReleaseFacts
from builder.release import archive
from builder.release.manifest import FILE, Manifest, released_files
from builder.tree.build import Tree

TFTP = PurePosixPath("srv/tftp")


@dataclass(frozen=True)
class Packer:
    """Compresses and joins the parts of one release in directory `scratch`, with the builder image's tools."""

    engine: Engine
    image: Image
    scratch: Path
    source_date: int
    on_line: OnLine

    def root_tarball(self, tree: Tree, overlay: Iterable[RenderedFile], target: Path) -> None:
        """Write the root tarball: the tree's part as it is in the cache, then the overlay's.

        :raises NfsrootError: a path stands in both parts.
        """
        known = frozenset(tree.paths.read_text().splitlines())
        files = tuple(overlay)
        twice = sorted(str(file.path) for file in files if str(file.path) in known or file.path not in OWNED_PATHS)
        if twice:
            raise NfsrootError(f"the overlay's {', '.join(twice)} would replace files of the tree")
        part = archive.fragment(files, self.source_date, known) + archive.END_OF_ARCHIVE
        archive.join([tree.part, self._compressed("overlay.tar", part, ["zstd", "--quiet", "-3"], "zst")], target)

    def server_bundle(
        self, recipe: Recipe, facts: ReleaseFacts, files: Iterable[RenderedFile], release: Path, target: Path
    ) -> None:
        """Write the server bundle: the rendered `files`, and below srv/tftp what the nodes load."""
        tftp = TFTP / recipe.tftp_directory(facts.version).lstrip("/")
        loaded = [(tftp / name, release / name) for name in (facts.kernel_file, facts.initrd_file)]
        for variant in recipe.boot.variants:
            served = pxegrub.SERVED[variant].items()
            loaded += [(TFTP / name, release / "pxegrub" / source) for name, source in served]
        binary = (RenderedFile(path, source.read_bytes()) for path, source in loaded)
        whole = archive.fragment((*files, *binary), self.source_date) + archive.END_OF_ARCHIVE
        archive.join([self._compressed("server.tar", whole, ["gzip", "--no-name", "-1"], "gz")], target)

    def _compressed(self, name: str, data: bytes, command: list[str], suffix: str) -> Path:
        source = self.scratch / name
        source.write_bytes(data)
        self.engine.run(self.image, Job((*command, f"/output/{name}"), output=self.scratch), self.on_line)
        return self.scratch / f"{name}.{suffix}"


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A directory to fill, which becomes `target` at the end: everything is on the disk before the rename.

    What a killed build left beside `target` is removed first; a lock tells it from a living build's.

    :raises NfsrootError: the directory cannot be written.
    """
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.mkdir(exist_ok=True)
        handle = os.open(unfinished, os.O_RDONLY)
    except OSError as error:
        raise NfsrootError(
            f"{target.parent} cannot be written: {error.strerror}",
            resolution="Make it writable, or name another directory with --output.",
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for entry in unfinished.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield unfinished
        _sync(unfinished)
        unfinished.rename(target)
        _sync_entry(target.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
        os.close(handle)


def finish(directory: Path, manifest: Manifest) -> None:
    """Write manifest.json and SHA256SUMS of the release in `directory`."""
    (directory / FILE).write_text(manifest.text())
    sums = (f"{file.sha256}  {file.path}\n" for file in released_files(directory) if file.path != "build.log")
    (directory / "SHA256SUMS").write_text("".join(sums))


def _sync(directory: Path) -> None:
    for entry in directory.rglob("*"):
        _sync_entry(entry)
    _sync_entry(directory)


def _sync_entry(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
