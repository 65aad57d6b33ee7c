"""Copies a store, or some of its releases, to another place: blobs and metadata as they are, the timestamp last.

A copy is signed with the keys of the store that it comes from, so that its readers need no other trust.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tuf.api import metadata as tuf

from builder.events import Notice
from builder.store import catalog, keys, layout
from builder.store.catalog import Release
from builder.store.errors import NotStoredError, RefusedError
from builder.store.fetch import fetch_described, fetch_manifest
from builder.store.metadata import MOST_BYTES
from builder.store.page.update import update_copy
from builder.store.reader import TrustedStore
from builder.store.release import MANIFEST
from builder.store.storage.interface import Blob, Storage, Text
from builder.store.transfer import Sent, Transfers, find_missing


@dataclass(frozen=True)
class StoredBlob:
    """A blob of one store as content for another."""

    storage: Storage
    blob: Blob

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self.blob.size

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes as they come from the store."""
        return self.storage.stream(layout.blob(self.blob.sha256))


def choose(store: TrustedStore, references: Sequence[str]) -> list[Release]:
    """The releases of a store that `references` (NAME@VERSION, NAME@CHANNEL, NAME) name; all of them without any."""
    known = catalog.read_catalog(store.targets)
    if references:
        return [catalog.find(known, *catalog.parse_reference(reference)) for reference in references]
    return [release for releases in known.values() for release in releases]


def copy(source: TrustedStore, target: Storage, releases: Sequence[Release], transfers: Transfers) -> int:
    """Copy releases to another store with the metadata of the source; return the number of bytes sent.

    The metadata names the other releases of the source, too: an error tells a reader of the copy that such a release
    is elsewhere.  The copy has pages of its own for web browsers, which show the releases that are in the copy.

    :raises RefusedError: the target is a store of its own, or is newer than the source.
    """
    before = _need_older_copy(source, target)
    sent = 0
    with target.exclusive():
        for release in releases:
            sent += _copy_release(source, target, release, transfers)
        _copy_metadata(source, target, before)
        if target.holds_images:
            _copy_images(source, target, releases, transfers)
        update_copy(replace(source, storage=target))
    return sent


def _copy_images(source: TrustedStore, target: Storage, releases: Sequence[Release], transfers: Transfers) -> None:
    from builder.store.image.copies import name_images, publish_images_of_copies

    publish_images_of_copies(target, releases, transfers)
    name_images(target, catalog.read_catalog(source.targets))


def _need_older_copy(source: TrustedStore, target: Storage) -> bytes | None:
    """The bytes of the target's timestamp; None for an empty store.

    :raises RefusedError: the target is a store of its own, or is newer than the source.
    """
    try:
        root = target.read(layout.FIRST_ROOT, MOST_BYTES)
    except NotStoredError:
        return None
    if keys.fingerprint(root) != source.fingerprint:
        raise RefusedError(
            f"{target.address} is another store than {source.storage.address}: a copy would destroy it",
            resolution="Name an empty directory, or a copy of the same store.",
        )
    try:
        before = target.read(layout.TIMESTAMP, MOST_BYTES)
    except NotStoredError:
        return None
    version = tuf.Metadata[tuf.Timestamp].from_bytes(before).signed.version
    if version > source.version:
        raise RefusedError(
            f"{target.address} is newer than {source.storage.address}: version {version} and {source.version}",
            resolution="Copy the other way round, or from the store that its publishers use.",
        )
    return before


def _copy_release(source: TrustedStore, target: Storage, release: Release, transfers: Transfers) -> int:
    manifest = fetch_manifest(source.storage, release)
    blobs = manifest.blobs()
    missing = find_missing(target, blobs)
    size = sum(blob.size for blob in missing)
    transfers.emit(Notice(f"{release.reference}: {size} of {manifest.size} bytes are copied"))
    transfers.send(target, [Sent(blob, StoredBlob(source.storage, blob)) for blob in missing], "copy")
    for file in sorted(release.files, key=lambda file: file == MANIFEST):
        text, path = fetch_described(source.storage, release, file), release.path_of(file)
        if target.size(path) != len(text):
            target.put(path, Text(text), release.keeps(manifest) if file == MANIFEST else ())
    return size


def _copy_metadata(source: TrustedStore, target: Storage, before: bytes | None) -> None:
    """Write the verified metadata of the source into the target: the roots first, the timestamp last."""
    for path, text in source.metadata.items():
        if path != layout.TIMESTAMP and (target.size(path) != len(text) or target.read(path, MOST_BYTES) != text):
            target.put(path, Text(text))
    timestamp = source.metadata[layout.TIMESTAMP]
    if timestamp != before:
        target.swap(layout.TIMESTAMP, timestamp, before)
