"""Fetches a release from a store: verifies each part, and fetches no part that is on this machine already."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from builder.disk import locked, sync, sync_tree
from builder.errors import InputError, NfsrootError, NoSpaceError
from builder.events import Notice
from builder.store.catalog import Release
from builder.store.errors import NotStoredError, StoreError, UntrustedError
from builder.store.release import MANIFEST, SUMS, ReleaseManifest, parse_manifest, read_manifest
from builder.store.storage.interface import PIECE, Blob, Storage
from builder.store.transfer import Received, Transfers, retry, run_each

ROOM_BESIDE = 16 << 20
"""Bytes that stay free beside a release that is fetched."""


@dataclass(frozen=True)
class Place:
    """The place of a part's bytes: a file, and the offset in the file."""

    file: Path
    offset: int


def fetch_described(storage: Storage, release: Release, file: str) -> bytes:
    """The verified bytes of a file that describes a release, such as manifest.json or lab.json.

    :raises UntrustedError: the store holds other bytes than those that were signed.
    """
    digest, size = release.files[file]
    path = release.path_of(file)
    try:
        text = retry(lambda: storage.read(path, size))
    except NotStoredError as error:
        raise StoreError(
            f"{storage.address} does not hold {release.reference}: {path} is missing",
            resolution="A copy of a store may hold some of its releases only: copy this one, too, or ask the store.",
        ) from error
    if hashlib.sha256(text).hexdigest() != digest:
        raise UntrustedError(
            f"{path} in {storage.address} is damaged: its bytes have another digest than the one that was signed",
            resolution="Have the publisher publish the release once more, with --repair.",
        )
    return text


def fetch_manifest(storage: Storage, release: Release) -> ReleaseManifest:
    """The verified manifest of a release in a store.

    :raises UntrustedError: the store holds another manifest than the one that was signed.
    """
    manifest = parse_manifest(fetch_described(storage, release, MANIFEST), f"the manifest of {release.reference}")
    if (manifest.name, manifest.version) != (release.name, release.version):
        raise UntrustedError(f"the manifest of {release.reference} is that of {manifest.name}@{manifest.version}")
    return manifest


def fetch(storage: Storage, release: Release, target: Path, transfers: Transfers) -> bool:
    """Write a release into the directory `target`, which appears whole or not at all; return whether it was fetched.

    False means that the target holds the release already.  A fetch that ends early leaves a directory beside the
    target; the next fetch keeps the good parts in that directory.

    :raises InputError: the target exists, and is not this release.
    :raises NoSpaceError: the disk has no room for the release.
    """
    manifest = fetch_manifest(storage, release)
    described_by = {file: fetch_described(storage, release, file) for file in release.files} | {SUMS: manifest.sums()}
    if target.exists():
        _need_same(target, manifest)
        return False
    unfinished = target.with_name(f".{target.name}.fetched")
    try:
        unfinished.mkdir(parents=True, exist_ok=True)
        with locked(unfinished):  # another fetch of the same release waits
            _need_room(unfinished, manifest)
            _fill(storage, manifest, unfinished, _parts_beside(target), transfers)
            for name, text in described_by.items():
                (unfinished / name).write_bytes(text)
            _remove_others(unfinished, {file.path for file in manifest.files} | set(described_by))
            sync_tree(unfinished)
            unfinished.rename(target)
            sync(target.parent)
    except OSError as error:
        raise NfsrootError(
            f"{target} cannot be written: {error.strerror}",
            resolution="Make room there; the next fetch goes on where this one ended.",
        ) from error
    return True


def _fill(
    storage: Storage, manifest: ReleaseManifest, directory: Path, beside: dict[Blob, Place], transfers: Transfers
) -> None:
    """Fill the files of a release: with parts of an earlier fetch, parts of other releases, and fetched parts."""
    with contextlib.ExitStack() as stack:
        wanted: list[Received] = []
        for file in manifest.files:
            path = directory / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            stack.callback(os.close, handle)
            begun = os.fstat(handle).st_size
            os.ftruncate(handle, file.size)
            wanted += [
                Received(part, handle, offset)
                for offset, part in file.offsets()
                if not (offset + part.size <= begun and _holds(handle, offset, part))
            ]
        copied = [received for received in wanted if received.blob in beside]
        run_each(lambda received: _copy(beside[received.blob], received), copied)
        copied_well = {id(received) for received in copied if _holds(received.file, received.offset, received.blob)}
        missing = [received for received in wanted if id(received) not in copied_well]
        once = {received.blob: received for received in missing}
        size = sum(blob.size for blob in once)
        transfers.emit(Notice(f"{manifest.name} {manifest.version}: {size} of {manifest.size} bytes are fetched"))
        transfers.receive(storage, sorted(once.values(), key=lambda received: -received.blob.size))
        for received in missing:
            first = once[received.blob]
            if first is not received:
                os.pwrite(received.file, os.pread(first.file, received.blob.size, first.offset), received.offset)


def _parts_beside(target: Path) -> dict[Blob, Place]:
    """The places of the parts of all releases beside the target; a manifest that cannot be read is skipped."""
    found: dict[Blob, Place] = {}
    for file in sorted(target.parent.glob(f"[!.]*/{MANIFEST}")):
        with contextlib.suppress(InputError):
            for released in read_manifest(file.parent).files:
                for offset, part in released.offsets():
                    found[part] = Place(file.parent / released.path, offset)
    return found


def _copy(place: Place, received: Received) -> None:
    """Copy a part from another release, or less where that file is too short; the caller compares the digest."""
    with contextlib.suppress(OSError), place.file.open("rb") as source:
        source.seek(place.offset)
        written, left = 0, received.blob.size
        while left and (piece := source.read(min(PIECE, left))):
            os.pwrite(received.file, piece, received.offset + written)
            written, left = written + len(piece), left - len(piece)


def _holds(handle: int, offset: int, blob: Blob) -> bool:
    """Whether a file holds a part at an offset."""
    digest, left = hashlib.sha256(), blob.size
    while left and (piece := os.pread(handle, min(PIECE, left), offset)):
        digest.update(piece)
        offset, left = offset + len(piece), left - len(piece)
    return digest.hexdigest() == blob.sha256


def _need_same(target: Path, manifest: ReleaseManifest) -> None:
    try:
        same = read_manifest(target).content == manifest.content
    except InputError:
        same = False
    if not same:
        raise InputError(
            f"{target} is there already, and is not {manifest.name} {manifest.version} of the store",
            resolution="Name another directory.",
        )


def _need_room(directory: Path, manifest: ReleaseManifest) -> None:
    """Check that the disk has room for the bytes of a release that an earlier fetch has not written yet.

    :raises NoSpaceError: the disk has no room for the release.
    """
    free = os.statvfs(directory).f_bavail * os.statvfs(directory).f_frsize
    here = sum(file.stat().st_blocks * 512 for file in directory.rglob("*") if file.is_file())
    needed = manifest.size - here + ROOM_BESIDE
    if free < needed:
        raise NoSpaceError(
            f"{directory.parent} has {free / 1e6:.0f} MB free, and {manifest.name} {manifest.version} needs "
            f"{needed / 1e6:.0f} MB",
            resolution="Make room there, or name a directory on another file system.",
        )


def _remove_others(directory: Path, wanted: set[str]) -> None:
    for path in directory.rglob("*"):
        if not path.is_dir() and str(path.relative_to(directory)) not in wanted:
            path.unlink()
