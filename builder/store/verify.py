"""Verifies the objects in a store, and the files in the directory of a release."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError, NfsrootError
from builder.events import Emit, Transferred
from builder.store import catalog, layout
from builder.store.catalog import Release
from builder.store.errors import NotStoredError, StoreError
from builder.store.fetch import fetch_described, fetch_manifest
from builder.store.reader import TrustedStore
from builder.store.release import LAB, SUMS, read_manifest
from builder.store.release_files import check_files
from builder.store.storage.interface import Blob, Storage
from builder.store.transfer import retry, run_each


@dataclass(frozen=True)
class Fault:
    """A missing or damaged object in a store, in words, and the releases that need the object."""

    what: str
    releases: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} ({', '.join(self.releases)})"


def verify_release(directory: Path) -> int:
    """Compare each file of a release with its manifest; return the size of the files in bytes.

    :raises NfsrootError: a file is not the one that the manifest names.
    """
    manifest = read_manifest(directory)
    check_files(directory, manifest.files)
    sums = directory / SUMS
    if sums.exists() and sums.read_bytes() != manifest.sums():
        raise NfsrootError(f"{sums} has other lines than the manifest", resolution="Build the release anew.")
    if (directory / LAB).exists():
        from builder.release import verdict

        verdict.read(directory)
    return manifest.size


def verify_store(store: TrustedStore, emit: Emit, *, partial: bool = False) -> list[Fault]:
    """Read all objects that a store's signed metadata names; return the missing and the damaged ones.

    In a `partial` copy, releases without a manifest do not count: they are in another store.
    """
    from builder.store.page.update import find_held

    faults: list[Fault] = []
    users: dict[Blob, list[str]] = {}
    named = find_held(store) if partial else catalog.read_catalog(store.targets)
    for release in (entry for releases in named.values() for entry in releases):
        faults += _described_faults(store.storage, release)
        try:
            manifest = fetch_manifest(store.storage, release)
        except NfsrootError:
            continue  # `_described_faults` has found this fault already
        for blob in manifest.blobs():
            users.setdefault(blob, []).append(release.reference)
    return faults + list(_blob_faults(store.storage, users, emit))


def _described_faults(storage: Storage, release: Release) -> Iterator[Fault]:
    for file in release.files:
        try:
            fetch_described(storage, release, file)
        except (StoreError, InputError) as error:
            yield Fault(error.brief, (release.reference,))


def _blob_faults(storage: Storage, users: dict[Blob, list[str]], emit: Emit) -> Iterator[Fault]:
    total, done = sum(blob.size for blob in users), 0

    def verify(blob: Blob) -> str:
        nonlocal done
        what = retry(lambda: _blob_fault(storage, blob))
        done += blob.size
        emit(Transferred("verify", done, total, 0.0))
        return what

    for blob, what in zip(users, run_each(verify, list(users)), strict=True):
        if what:
            yield Fault(f"{layout.blob(blob.sha256)} {what}", tuple(users[blob]))


def _blob_fault(storage: Storage, blob: Blob) -> str:
    """The fault of a blob in a store, in words; empty when the blob has the right size and digest."""
    digest, size = hashlib.sha256(), 0
    try:
        for piece in storage.stream(layout.blob(blob.sha256)):
            digest.update(piece)
            size += len(piece)
            if size > blob.size:
                break
    except NotStoredError:
        return "is missing"
    if size != blob.size:
        return f"has {'more than ' if size > blob.size else ''}{min(size, blob.size)} bytes, and not {blob.size}"
    return "" if digest.hexdigest() == blob.sha256 else "has another SHA-256"
