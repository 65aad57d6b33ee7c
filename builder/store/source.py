"""A release in a store as the source of a comparison: only the parts that are read are fetched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from builder.errors import InputError
from builder.release.manifest import Manifest
from builder.store import layout
from builder.store.catalog import Release
from builder.store.fetch import fetch_manifest
from builder.store.release import ReleaseManifest
from builder.store.storage.interface import Storage
from builder.store.transfer import retry


@dataclass(frozen=True)
class StoreSource:
    """A release in a store, with the interface of `builder.release.source.ReleaseSource`."""

    storage: Storage
    release: Release

    @cached_property
    def _parts(self) -> ReleaseManifest:
        return fetch_manifest(self.storage, self.release)

    @cached_property
    def manifest(self) -> Manifest:
        """The release's manifest, verified."""
        return Manifest.parse(self._parts.content, self.describe())

    def read(self, path: str, start: int, length: int) -> bytes:
        """Read `length` bytes of a file of the release from byte `start` on; the caller compares the digest.

        :raises InputError: the release has no such file.
        """
        file = next((file for file in self._parts.files if file.path == path), None)
        if file is None:
            raise InputError(f"{self.describe()} has no file {path!r}")
        read = bytearray()
        for offset, part in file.offsets():
            begin, end = max(start, offset), min(start + length, offset + part.size)
            if begin < end:
                read += retry(partial(self._bytes, part.sha256, begin - offset, end - begin))
        return bytes(read)

    def _bytes(self, sha256: str, start: int, count: int) -> bytes:
        """`count` bytes of a blob from the offset `start` on, or fewer where the blob ends before."""
        read = bytearray()
        for piece in self.storage.stream(layout.blob(sha256), start):
            read += piece
            if len(read) >= count:
                break
        return bytes(read[:count])

    def describe(self) -> str:
        """The release and its store."""
        return f"{self.release.reference} in {self.storage.address}"
