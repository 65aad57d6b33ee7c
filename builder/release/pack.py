"""Packs the objects of a build's steps into the release's directory, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from builder import ownership
from builder.container.engine import Engine, Image, Job
from builder.disk import locked, sync, sync_tree
from builder.errors import NfsrootError
from builder.files import RenderedFile
from builder.overlay.render import OWNED_PATHS
from builder.packing import archive, tree_list
from builder.packing.archive import Joined
from builder.process import OnLine
from builder.recipe.models import TFTP_DIRECTORY
from builder.release.manifest import FILE, SUMS, Manifest
from builder.tree.build import Tree


class Overlay(NamedTuple):
    """The tar archive of the overlay, and its lines in the list of the tree, both compressed by zstd."""

    archive: Path
    lines: Path


@dataclass(frozen=True)
class Packer:
    """Makes and compresses parts of one release in directory `scratch`, with the builder image's tools."""

    engine: Engine
    image: Image
    scratch: Path
    source_date: int

    def overlay(self, tree: Tree, overlay: Iterable[RenderedFile], on_line: OnLine, *, alone: bool) -> Overlay:
        """The overlay, as an archive that stands `alone`, or as a part between a tree's files and directories.

        :raises NfsrootError: a path stands in both parts.
        """
        known = frozenset(os.fsdecode(tree.paths.read_bytes()).split("\0"))
        files = tuple(overlay)
        twice = sorted(file.path for file in files if file.path in known or file.path not in OWNED_PATHS)
        if twice:
            raise NfsrootError(f"the overlay's {', '.join(twice)} would replace files of the tree")
        part = archive.fragment(files, self.source_date, known) + (archive.END_OF_ARCHIVE if alone else b"")
        lines = tree_list.describe(files, archive.directories(files) - known)
        texts = {"overlay.tar": part, "overlay.tsv": lines}
        return Overlay(*self._compressed(texts, ["zstd", "--quiet", "-3"], "zst", on_line))

    def server_bundle(
        self, bundle: Joined, files: Iterable[RenderedFile], served: Mapping[str, Path], on_line: OnLine
    ) -> None:
        """Write the server bundle: the rendered `files`, and `served`, files by their paths below srv/tftp.

        Kernel and initramfs are compressed already: gzip would take most of a build's time to gain next to nothing.
        The content of each file is a part of its own, which two releases share.  The part before has the file's header,
        which names the release.
        """
        texts = tuple(files)
        start = archive.fragment(texts, self.source_date)
        binary = (RenderedFile(f"{TFTP_DIRECTORY}/{path}", archive.content_of(file)) for path, file in served.items())
        bundle.add(*self._compressed({"server.tar": start}, ["gzip", "--no-name", "-6"], "gz", on_line))
        headers = b""
        for header, content in archive.members(binary, self.source_date, archive.directories(texts)):
            headers += header
            if content:
                bundle.write(archive.stored([headers]))
                bundle.write(archive.stored(content))
                headers = b""
        bundle.write(archive.stored([headers + archive.END_OF_ARCHIVE]))

    def _compressed(
        self, texts: Mapping[str, bytes], command: list[str], suffix: str, on_line: OnLine
    ) -> tuple[Path, ...]:
        for name, text in texts.items():
            (self.scratch / name).write_bytes(text)
        job = Job((*command, *(f"/output/{name}" for name in texts)), output=self.scratch)
        self.engine.run(self.image, job, on_line)
        return tuple(self.scratch / f"{name}.{suffix}" for name in texts)


def need_writable(directory: Path) -> None:
    """Check before a build that a release can appear in `directory`.

    :raises NfsrootError: the directory, or the one in which it would be made, cannot be written.
    """
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not (existing.is_dir() and os.access(existing, os.W_OK)):
        raise NfsrootError(
            f"{existing} cannot be written",
            resolution="Make it a writable directory, or name another one with --output.",
        )


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """An empty directory that becomes `target` at the end of the block: all files are on the disk before the rename.

    Directories that killed builds left beside `target` are removed first.  A lock on the parent directory lets one
    release at a time appear; the kernel drops the lock when the process dies.

    :raises NfsrootError: the directory cannot be written, or `target` was made meanwhile.
    """
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        ownership.make_directories(target.parent)
        with locked(target.parent):
            if target.exists():
                raise NfsrootError(f"{target} was made by another build meanwhile", resolution="Run this build again.")
            for left in target.parent.glob(".*.unfinished"):
                shutil.rmtree(left)
            unfinished.mkdir()
            try:
                yield unfinished
                ownership.give_tree(unfinished)
                sync_tree(unfinished)
                unfinished.rename(target)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            sync(target.parent)
    except BrokenPipeError:
        raise  # the reader of our output has gone: nothing is wrong with the directory
    except OSError as error:
        raise NfsrootError(
            f"{target.parent} cannot be written: {error.strerror}",
            resolution="Make it writable and give it room, or name another directory with --output.",
        ) from error


def finish(directory: Path, manifest: Manifest) -> None:
    """Write manifest.json, and SHA256SUMS with the digests of all files, into the release in `directory`."""
    text = manifest.text()
    (directory / FILE).write_text(text, encoding="utf-8")
    digests = {file.path: file.sha256 for file in manifest.files} | {FILE: hashlib.sha256(text.encode()).hexdigest()}
    (directory / SUMS).write_text(
        "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items())), encoding="utf-8"
    )
