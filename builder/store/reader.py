"""Opens stores for readers, who pin a store once, by its fingerprint; python-tuf's client verifies its metadata."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api import metadata as tuf
from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    LengthOrHashMismatchError,
    RepositoryError,
    UnsignedMetadataError,
)

from builder.errors import InputError, NfsrootError
from builder.store import keys, layout, places
from builder.store.client import FetcherInterface, Updater
from builder.store.errors import NotStoredError, StoreError, UntrustedError
from builder.store.metadata import MOST_BYTES, RENEWED
from builder.store.storage.interface import Storage

NOT_FOUND = 404
FINGERPRINT = re.compile(r"SHA256:[0-9a-f]{64}")
ADDRESS = "address"


@dataclass(frozen=True)
class TrustedStore:
    """A store whose metadata was verified: the targets by path, and when a publisher signed them last.

    `metadata` holds the bytes that were verified, by their paths in the store: roots first, the timestamp last.
    """

    storage: Storage
    fingerprint: str
    targets: dict[str, tuf.TargetFile]
    version: int
    renewed: datetime
    metadata: Mapping[str, bytes]


class StorageFetcher(FetcherInterface):
    """Lets python-tuf's client read metadata from any kind of store.

    `failure` holds the error of the store that ended a download, which the client wraps into one of its own.
    """

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.failure: StoreError | None = None

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield from self.storage.stream(url)
        except NotStoredError as error:
            raise DownloadHTTPError(str(error), NOT_FOUND) from error
        except StoreError as error:
            self.failure = error
            raise DownloadError(str(error)) from error


def open_trusted(
    storage: Storage, trust: str | None = None, max_age: timedelta | None = None, *, advice: str = "--trust"
) -> TrustedStore:
    """Verify a store, and read its signed metadata.

    `trust` is the fingerprint, or a file with the store's first root, that the reader pins the first time.  `max_age`
    is the greatest age of the last signature that the reader accepts.  `advice` is the option that a user types before
    the fingerprint to trust the store.

    :raises UntrustedError: the store is not pinned, or its metadata does not verify or is too old.
    """
    first_root = _pin(storage, trust, advice)
    directory = places.trust_directory(storage.address)
    fetcher = StorageFetcher(storage)
    with _translate_errors(storage, fetcher):
        directory.mkdir(parents=True, exist_ok=True)
        updater = Updater(str(directory), layout.METADATA, fetcher=fetcher, bootstrap=first_root)
        updater.refresh()
        (directory / ADDRESS).write_text(f"{storage.address}\n", encoding="utf-8")
        timestamp = _local(directory, "timestamp", tuf.Timestamp)
        targets = _local(directory, "targets", tuf.Targets)
    renewed = _renewed(timestamp)
    _refuse_old(storage, renewed, max_age)
    return TrustedStore(
        storage,
        keys.fingerprint(first_root),
        targets.targets,
        timestamp.version,
        renewed,
        _verified_texts(directory),
    )


def read_seen_version(storage: Storage) -> int:
    """The greatest version of the metadata that this user has seen in the store; 0 when none."""
    file = places.trust_directory(storage.address) / "timestamp.json"
    return _local(file.parent, "timestamp", tuf.Timestamp).version if file.exists() else 0


def forget(storage: Storage) -> None:
    """Remove the metadata that was seen in the store, but not the pinned root: the key that signed it may be gone."""
    for name in ("timestamp.json", "snapshot.json", "targets.json"):
        (places.trust_directory(storage.address) / name).unlink(missing_ok=True)


def pinned_root(storage: Storage) -> bytes | None:
    """The first root that this user has pinned for the store; None when no root is pinned."""
    file = _pinned_file(storage)
    return file.read_bytes() if file.exists() else None


def pin(storage: Storage, first_root: bytes) -> None:
    """Trust the store at this address by its first root from now on."""
    file = _pinned_file(storage)
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_bytes(first_root)
    unfinished.rename(file)


def _pinned_file(storage: Storage) -> Path:
    return places.trust_directory(storage.address) / "pinned.root.json"


def _pin(storage: Storage, trust: str | None, advice: str) -> bytes:
    """The first root by which the store is trusted: the pinned root, or the store's root, which is pinned now.

    :raises UntrustedError: the store's root is another one than the pinned root, or than `trust` names.
    """
    pinned = pinned_root(storage)
    if pinned is not None and trust is None:
        _refuse_swapped(storage, pinned)
        return pinned
    shown = read_first_root(storage)
    if trust is None:
        if keys.fingerprint(shown) not in _fingerprints_of_trusted_stores():
            raise UntrustedError(
                f"{storage.address} is not trusted here yet; its fingerprint is {keys.fingerprint(shown)}",
                resolution="Compare it with what `nfsroot publish` told the publisher, and if it is the same: "
                f"{advice} {keys.fingerprint(shown)}",
            )
    elif keys.fingerprint(shown) != _fingerprint_in(trust):
        raise UntrustedError(
            f"the fingerprint of {storage.address} is {keys.fingerprint(shown)}, and not the one that you named",
            resolution="Somebody may have put another store into its place. Ask the publisher.",
        )
    pin(storage, shown)
    return shown


def read_first_root(storage: Storage) -> bytes:
    """The first root in a store, which nobody has verified yet.

    :raises InputError: there is no store.
    """
    try:
        return storage.read(layout.FIRST_ROOT, MOST_BYTES)
    except NotStoredError as error:
        raise InputError(
            f"{storage.address} holds no store: there is no {layout.FIRST_ROOT}",
            resolution="Check the address; `nfsroot publish RELEASE --to STORE` makes a store.",
        ) from error


def _refuse_swapped(storage: Storage, pinned: bytes) -> None:
    shown = read_first_root(storage)
    if shown != pinned:
        raise UntrustedError(
            f"{storage.address} shows another root than the one that was pinned here: "
            f"{keys.fingerprint(shown)}, and not {keys.fingerprint(pinned)}",
            resolution="Somebody may have put another store into its place. Ask the publisher; a new store that he "
            "vouches for is trusted with --trust SHA256:...",
        )


def _fingerprint_in(trust: str) -> str:
    """The fingerprint that `trust` names: the text itself, or the fingerprint of the root in the file of this name."""
    if FINGERPRINT.fullmatch(trust):
        return trust
    try:
        return keys.fingerprint(Path(trust).read_bytes())
    except OSError as error:
        raise InputError(
            f"{trust} is neither a fingerprint (SHA256: and 64 hexadecimal digits) nor a file that can be read: "
            f"{error.strerror}"
        ) from error


def _fingerprints_of_trusted_stores() -> set[str]:
    """The fingerprints of all stores that this user trusts: a copy elsewhere is signed with the same keys."""
    found = places.trust_directories().glob("*/pinned.root.json")
    return {keys.fingerprint(file.read_bytes()) for file in found}


def _local(directory: Path, role: str, kind: type[Any]) -> Any:
    metadata = tuf.Metadata[Any].from_file(str(directory / f"{role}.json"))
    assert isinstance(metadata.signed, kind)
    return metadata.signed


def _verified_texts(directory: Path) -> dict[str, bytes]:
    """The metadata that the client has verified and kept, by its paths in the store."""
    newest = int((directory / "root.json").readlink().name.partition(".")[0])
    texts = {
        layout.metadata("root", version): (directory / "root_history" / f"{version}.root.json").read_bytes()
        for version in range(1, newest + 1)
    }
    for role, kind in (("targets", tuf.Targets), ("snapshot", tuf.Snapshot)):
        version = _local(directory, role, kind).version
        texts[layout.metadata(role, version)] = (directory / f"{role}.json").read_bytes()
    return texts | {layout.TIMESTAMP: (directory / "timestamp.json").read_bytes()}


def _renewed(timestamp: tuf.Timestamp) -> datetime:
    """The time at which the timestamp was signed; 1970 when the timestamp does not say."""
    try:
        return datetime.fromisoformat(timestamp.unrecognized_fields[RENEWED]).astimezone(UTC)
    except (KeyError, ValueError, TypeError):
        return datetime.fromtimestamp(0, UTC)


def _refuse_old(storage: Storage, renewed: datetime, max_age: timedelta | None) -> None:
    age = datetime.now(UTC) - renewed
    if max_age is not None and age > max_age:
        raise UntrustedError(
            f"{storage.address} was signed last on {renewed:%Y-%m-%d %H:%M} UTC, {age.days} days ago, and may be "
            f"held back; at most {max_age.days} days are allowed",
            resolution="Have the publisher run `nfsroot store refresh`, which a timer does best.",
        )


@contextlib.contextmanager
def _translate_errors(storage: Storage, fetcher: StorageFetcher) -> Iterator[None]:
    """Turn errors of python-tuf into errors in words for administrators."""
    try:
        yield
    except (RepositoryError, DownloadError, ValueError) as error:
        if fetcher.failure is not None:
            raise fetcher.failure from error
        brief, resolution = _words(error)
        raise UntrustedError(f"{storage.address} {brief}", details=f"  | {error}", resolution=resolution) from error
    except OSError as error:
        place = error.filename or places.trust_directory(storage.address)  # the file may be python-tuf's temporary one
        raise NfsrootError(f"{place} cannot be written: {error.strerror}") from error


def _words(error: Exception) -> tuple[str, str]:
    """The meaning of an error of python-tuf, as the rest of a sentence about a store, and advice for the user."""
    ask = "Somebody may have tampered with the store. Ask the publisher before you use it."
    match error:
        case ExpiredMetadataError():
            return (
                f"has expired: nobody renewed it, or this machine's clock is wrong ({datetime.now(UTC):%Y-%m-%d} UTC)",
                "Check the clock; have the publisher run `nfsroot store refresh`.",
            )
        case BadVersionNumberError():
            return (
                "shows an older state than this machine has seen: the store was restored from a backup, or somebody "
                "shows you old releases on purpose",
                "If it was a backup, have the publisher run `nfsroot store keys recover`.",
            )
        case UnsignedMetadataError():
            return "is not signed with the keys that were pinned here", ask
        case LengthOrHashMismatchError():
            return "mixes files of different states: a digest or a length is not the one that was signed", ask
        case DownloadLengthMismatchError():
            return "sends more bytes than its metadata may have", ask
        case DownloadHTTPError():
            return "lacks a file that its metadata names", ask
        case _:
            return "holds metadata that cannot be read", ask
