"""Compares the files of a release with its manifest: whole files, or each part of them once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from pathlib import Path

from builder.errors import NfsrootError
from builder.parallel import Crew
from builder.store.release import ReleaseFile, ReleaseManifest
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import FileSlice, Storage
from builder.store.transfer import Sent, find_missing, run_each

Check = Callable[[Collection[Sent]], None]
"""A function that compares a release with its manifest, but for the parts that it gets, which are compared when sent.

The function raises NfsrootError when a file is missing, has another size, or holds another part.
"""

WINDOW = 64 << 20
"""Bytes of a file that are hashed in one go: they count as memory of this process meanwhile."""


def check_files(directory: Path, files: Sequence[ReleaseFile]) -> None:
    """Compare files of the release in a directory with what the manifest says of them.

    :raises NfsrootError: a file is missing, or has another size or digest.
    """
    run_each(lambda file: _check_file(directory, file), files)


def begin_check(threads: Crew, directory: Path, manifest: ReleaseManifest, storage: Storage) -> Check:
    """Begin to compare the parts that will not be sent, and return a function that compares the rest of them.

    A file that is made of the right parts is the file that the manifest names.
    """

    def check_early() -> set[Sent]:
        _check_sizes(directory, manifest)
        return _check_parts(_find_unsent(directory, manifest, storage))

    early = threads.begin(check_early)

    def check(sent: Collection[Sent]) -> None:
        _check_parts(set(find_parts(directory, manifest)) - set(sent) - early())

    return check


def check_unsent(directory: Path, manifest: ReleaseManifest, sent: Collection[Sent]) -> None:
    """Compare the parts of a release that are not among `sent` with its manifest.

    :raises NfsrootError: a file is missing, has another size, or holds another part.
    """
    _check_sizes(directory, manifest)
    _check_parts(set(find_parts(directory, manifest)) - set(sent))


def find_parts(directory: Path, manifest: ReleaseManifest) -> list[Sent]:
    """Each part of each file of a release, with the place of its bytes: a part in two files comes twice."""
    return [
        Sent(part, FileSlice(directory / file.path, offset, part.size))
        for file in manifest.files
        for offset, part in file.offsets()
    ]


def _find_unsent(directory: Path, manifest: ReleaseManifest, storage: Storage) -> set[Sent]:
    """The parts that a store seems to hold; all parts for a store on a network, which is not to be asked twice."""
    asks = isinstance(storage, DirectoryStorage)
    missing = set(find_missing(storage, manifest.blobs())) if asks else set()
    return {part for part in find_parts(directory, manifest) if part.blob not in missing}


def _check_sizes(directory: Path, manifest: ReleaseManifest) -> None:
    for file in manifest.files:
        path = directory / file.path
        try:
            size = path.stat().st_size
        except OSError as error:
            raise _unreadable(path, error) from error
        if size != file.size:
            raise _changed(path, f"{size} bytes, and not {file.size}")


def _check_parts(parts: set[Sent]) -> set[Sent]:
    """Compare parts with their digests; return the parts."""
    run_each(_check_part, sorted(parts, key=lambda part: -part.blob.size))
    return parts


def _check_part(part: Sent) -> None:
    assert isinstance(part.content, FileSlice)
    path = part.content.file
    try:
        digest = _sha256(path, part.content.start, part.blob.size)
    except OSError as error:
        raise _unreadable(path, error) from error
    if digest != part.blob.sha256:
        raise _changed(path, f"another part at byte {part.content.start}")


def _check_file(directory: Path, file: ReleaseFile) -> None:
    path = directory / file.path
    try:
        size = path.stat().st_size
        digest = _sha256(path, 0, size) if size == file.size else ""
    except OSError as error:
        raise _unreadable(path, error) from error
    if digest != file.sha256:
        raise _changed(path, f"{size} bytes, and not {file.size}" if size != file.size else "another SHA-256")


def _unreadable(path: Path, error: OSError) -> NfsrootError:
    return NfsrootError(f"{path} cannot be read: {error.strerror}", resolution="Build the release anew.")


def _changed(path: Path, what: str) -> NfsrootError:
    return NfsrootError(
        f"{path} is not the file that the manifest names: it has {what}",
        resolution="The release was changed or is damaged: build it anew.",
    )


def _sha256(path: Path, start: int, size: int) -> str:
    """The SHA-256 of `size` bytes of a file from the offset `start` on, in hexadecimal digits.

    The bytes are hashed in mappings of large pieces, so that Python's lock stays with the threads that do other work.
    """
    digest, end = hashlib.sha256(), start + size
    with path.open("rb") as opened:
        while start < end:
            mapped = start - start % ALLOCATIONGRANULARITY
            length = min(WINDOW, end - mapped)
            with (
                mmap(opened.fileno(), length, access=ACCESS_READ, offset=mapped) as window,
                memoryview(window) as whole,
                whole[start - mapped :] as piece,
            ):
                digest.update(piece)
            start = mapped + length
    return digest.hexdigest()
