"""Sources from which a release is read: a directory on this machine; stores have a source of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builder.errors import InputError
from builder.release.manifest import FILE, Manifest, Part, ReleasedFile
from builder.release.reading import need_digest, no_release, read_bytes


class ReleaseSource(Protocol):
    """A release that can be read in pieces."""

    @property
    def manifest(self) -> Manifest:
        """The release's manifest."""

    def read(self, path: str, start: int, length: int) -> bytes:
        """Read `length` bytes of the release's file `path` from byte `start` on; fewer where the file ends before.

        :raises InputError: the file cannot be read.
        """

    def describe(self) -> str:
        """The place of the release, in words for messages."""


@dataclass(frozen=True)
class DirectorySource:
    """A release in a directory of this machine: output/NAME/VERSION."""

    directory: Path
    manifest: Manifest

    @classmethod
    def find(cls, directory: Path) -> DirectorySource:
        """The release in `directory`.

        :raises InputError: the directory holds no manifest that can be read.
        """
        if not (directory / FILE).is_file():
            raise no_release(directory)
        return cls(directory, Manifest.read(directory))

    def read(self, path: str, start: int, length: int) -> bytes:
        """Read bytes of a file in the directory (builder.release.reading.read_bytes)."""
        return read_bytes(self.directory, path, start, length)

    def describe(self) -> str:
        """The path of the directory."""
        return str(self.directory)


def find_file(source: ReleaseSource, path: str) -> ReleasedFile | None:
    """The manifest's entry for the file `path` of a release; None when the release has no such file."""
    return next((file for file in source.manifest.files if file.path == path), None)


def read_file(source: ReleaseSource, file: ReleasedFile, limit: int) -> bytes:
    """The whole content of a file of the release.

    :raises InputError: the file is damaged, or larger than `limit` bytes.
    """
    whole = Part(sha256=file.sha256, size=file.size)
    return _read(source, file, whole, 0, limit)


def read_part(source: ReleaseSource, file: ReleasedFile, index: int, limit: int) -> bytes:
    """The content of one part of a file of the release; a negative `index` counts from the end.

    :raises InputError: the file is damaged, or the part is larger than `limit` bytes.
    """
    place = index % len(file.parts)
    return _read(source, file, file.parts[place], sum(part.size for part in file.parts[:place]), limit)


def _read(source: ReleaseSource, file: ReleasedFile, part: Part, start: int, limit: int) -> bytes:
    where = f"{file.path} of {source.describe()}"
    if part.size > limit:
        raise InputError(f"{where} has {part.size} bytes to read; nfsroot reads {limit} at most")
    content = source.read(file.path, start, part.size)
    need_digest(content, part.sha256, where)
    return content
