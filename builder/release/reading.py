"""Reads bytes of a release's files, and compares them with the digests of a manifest; needs no models of manifests."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from builder.errors import InputError

ANEW = "Get the release anew, or build it anew."
"""The advice when a release is damaged."""


def no_release(directory: Path) -> InputError:
    """The error about a directory without a manifest."""
    return InputError(f"{directory} holds no release", resolution="`nfsroot list` shows the releases that exist.")


def read_bytes(directory: Path, path: str, start: int, length: int) -> bytes:
    """Read bytes of a regular file below the directory: no manifest can name a file elsewhere, or a device.

    :raises InputError: the file cannot be read.
    """
    file, named = directory / path, PurePosixPath(path)
    if named.is_absolute() or ".." in named.parts or not file.is_file():
        raise InputError(f"{directory} has no file {path!r}", resolution=ANEW)
    try:
        with file.open("rb") as opened:
            opened.seek(start)
            return opened.read(length)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error


def need_digest(content: bytes, sha256: str, what: str) -> None:
    """Check that bytes have the digest that the manifest names; `what` names the file in messages.

    :raises InputError: the bytes have another digest.
    """
    if hashlib.sha256(content).hexdigest() != sha256:
        raise InputError(f"{what} is damaged: its content is not what the manifest names", resolution=ANEW)
