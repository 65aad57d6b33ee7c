"""Reads the server bundle of a release: its settings, menus, boot loaders and files to serve."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from builder.errors import InputError
from builder.settings import release
from builder.settings.release import ReleaseSettings
from builder.store.errors import UntrustedError

SERVED = "srv/tftp"
"""The directory that TFTP and HTTP serve, in the bundle and on the server."""

MOST_BYTES_OF_SETTINGS = 64 << 20
"""The largest settings.json, in bytes: some 300,000 nodes."""


def read_settings(bundle: Path) -> ReleaseSettings:
    """The settings that a release asks of its server, from settings.json in its server bundle.

    :raises InputError: an older nfsroot made the bundle.
    :raises UntrustedError: the bundle cannot be read.
    """
    for path, size, content in _files(bundle):
        if path == release.FILE and size <= MOST_BYTES_OF_SETTINGS:
            return release.parse(content.read(), f"{release.FILE} of {bundle}")
    raise InputError(
        f"{bundle} does not say what the release asks of its server: there is no {release.FILE} in it",
        resolution="An older nfsroot made the release: build it anew, or install it by its own install.sh.",
    )


def write_files(bundle: Path, settings: ReleaseSettings, texts: Path, served: Path, most: int) -> None:
    """Write the release's own files to serve into the directory `served`, and all others of the bundle into `texts`.

    :raises UntrustedError: the bundle has more than `most` bytes, or a path twice or outside, or cannot be read.
    """
    own = f"{SERVED}{settings.tftp_directory}/"
    left = most
    for path, size, content in _files(bundle):
        left -= size
        if left < 0:
            raise UntrustedError(f"{bundle} is refused: it holds more bytes than the release")
        target = served / path.removeprefix(own) if path.startswith(own) else texts / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("xb") as written:
                shutil.copyfileobj(content, written)
        except FileExistsError:
            raise UntrustedError(f"{bundle} is refused: it holds {path!r} twice") from None


def _files(bundle: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield each file of a bundle: its path, its size and its content."""
    try:
        with gzip.open(bundle) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as archive:
            for member in archive:
                path = member.name
                if any(part in ("", ".", "..") for part in path.split("/")) or "\0" in path:
                    raise UntrustedError(f"{bundle} is refused: it names {path!r}, a path outside of it")
                if member.isdir():
                    continue
                content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None:
                    raise UntrustedError(f"{bundle} is refused: {path!r} is neither a file nor a directory")
                yield path, member.size, content
    except (tarfile.TarError, zlib.error, EOFError, ValueError) as error:
        raise UntrustedError(f"{bundle} cannot be read: {error}") from error
