"""Compares the files of a release with its manifest."""

from __future__ import annotations

import hashlib
from mmap import ACCESS_READ, mmap
from pathlib import Path

from builder.errors import NfsrootError
from builder.store.release import ReleaseFile, ReleaseManifest
from builder.store.transfer import run_each

WINDOW = 64 << 20
"""Bytes of a file that are hashed in one go: they count as memory of this process meanwhile."""


def check_files(directory: Path, manifest: ReleaseManifest) -> None:
    """Compare the files of a release with its manifest.

    :raises NfsrootError: a file is missing, or has another size or digest.
    """
    run_each(lambda file: _check_file(directory, file), manifest.files)


def _check_file(directory: Path, file: ReleaseFile) -> None:
    path = directory / file.path
    try:
        size = path.stat().st_size
        digest = _sha256(path) if size == file.size else ""
    except OSError as error:
        raise NfsrootError(f"{path} cannot be read: {error.strerror}", resolution="Build the release anew.") from error
    if digest != file.sha256:
        what = f"{size} bytes, and not {file.size}" if size != file.size else "another SHA-256"
        raise NfsrootError(
            f"{path} is not the file that the manifest names: it has {what}",
            resolution="The release was changed or is damaged: build it anew.",
        )


def _sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    The file is hashed in mappings of large pieces, so that Python's lock stays with the threads that do other work.
    """
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as opened:
        for start in range(0, size, WINDOW):
            with mmap(opened.fileno(), min(WINDOW, size - start), access=ACCESS_READ, offset=start) as window:
                digest.update(window)
    return digest.hexdigest()
