"""The directory of a release, which appears whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from builder import ownership
from builder.disk import locked, sync, sync_tree
from builder.errors import NfsrootError
from builder.release.manifest import FILE, SUMS, Manifest


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
def create_release(target: Path) -> Iterator[Path]:
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
