"""The signed metadata of a store, which names the releases in the store: reading and changing it as a publisher.

The format is that of The Update Framework (TUF specification 1.0).  Two keys sign: the root key says which keys may
sign what, and the online key signs the other three roles at each change.  docs/adr/0031-tuf-without-ceremony.md says
why there are no more.  Publishers use this module, and readers use `builder.store.reader`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from securesystemslib.signer import Key, Signer
from tuf.api import metadata as tuf
from tuf.api.exceptions import RepositoryError
from tuf.api.serialization.json import JSONSerializer

from builder.store import layout
from builder.store.errors import NotStoredError, OvertakenError, UntrustedError
from builder.store.storage.interface import Storage
from builder.store.transfer import retry

ROOT_DAYS = 20 * 365
"""Days for which a root is valid: its key lies elsewhere, and nobody would remember to renew the root every year."""

ONLINE_DAYS = 365
"""Days for which the other metadata is valid after the last change, which renews it."""

RENEWED = "renewed"
"""The field of a timestamp that says when it was signed (TUF specification 4.2 lets documents have more fields)."""

ONLINE_ROLES = ("targets", "snapshot", "timestamp")
MOST_BYTES = 16 << 20
"""The most bytes of a file of metadata."""

ATTEMPTS = 5
"""The most tries of a change, when another publisher is quicker each time."""

Targets = dict[str, tuf.TargetFile]
Signed = TypeVar("Signed", tuf.Root, tuf.Targets, tuf.Snapshot, tuf.Timestamp)


@dataclass(frozen=True)
class State:
    """The state of a store's metadata: the targets by path, and the version that all three online roles have.

    `timestamp` holds the bytes of timestamp.json, None in a store to which nothing was published.
    """

    root: tuf.Root
    targets: Targets
    version: int
    timestamp: bytes | None


def make_root(root_key: Key, online_keys: list[Key], version: int) -> tuf.Metadata[tuf.Root]:
    """A root, not signed yet, that lets `root_key` sign roots and any of `online_keys` sign the rest."""
    keys = {key.keyid: key for key in (root_key, *online_keys)}
    online = [key.keyid for key in online_keys]
    roles = {"root": tuf.Role([root_key.keyid], 1)} | {role: tuf.Role(online, 1) for role in ONLINE_ROLES}
    return tuf.Metadata(tuf.Root(version=version, expires=_in_days(ROOT_DAYS), keys=keys, roles=roles))


def text_of(metadata: tuf.Metadata[Any]) -> bytes:
    """The bytes of signed metadata, as they stand in a store."""
    return metadata.to_bytes(JSONSerializer(compact=True, validate=True))


def load(storage: Storage, pinned_root: bytes) -> State:
    """The verified state of a store's metadata, for a publisher, who may renew expired metadata.

    :raises UntrustedError: a file is not signed with the keys of the root, or does not fit the other files.
    """
    root = newest_root(storage, pinned_root)
    try:
        text = storage.read(layout.TIMESTAMP, MOST_BYTES)
    except NotStoredError:
        return State(root, {}, 0, None)
    try:
        timestamp = _verified(root, "timestamp", text, tuf.Timestamp)
        snapshot = _follow(storage, root, "snapshot", timestamp.snapshot_meta, tuf.Snapshot)
        targets = _follow(storage, root, "targets", snapshot.meta["targets.json"], tuf.Targets)
    except (RepositoryError, KeyError, NotStoredError) as error:
        raise UntrustedError(
            f"the metadata of {storage.address} is damaged or was not signed with the store's keys: {error}",
            resolution="Restore the store from a backup, then run `nfsroot store keys recover`.",
        ) from error
    return State(root, targets.targets, timestamp.version, text)


def newest_root(storage: Storage, pinned_root: bytes) -> tuf.Root:
    """The newest root of a store, to which a chain of signatures leads from `pinned_root`.

    :raises UntrustedError: the chain is broken.
    """
    root = tuf.Metadata[tuf.Root].from_bytes(pinned_root).signed
    while storage.size(following := layout.metadata("root", root.version + 1)) is not None:
        try:
            metadata = tuf.Metadata[tuf.Root].from_bytes(storage.read(following, MOST_BYTES))
            for signing in (root, metadata.signed):
                signing.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
        except RepositoryError as error:
            raise UntrustedError(f"{following} in {storage.address} is not signed by the root before it") from error
        root = metadata.signed
    return root


def change_nothing(targets: Targets) -> None:
    """Change no target, so that the commit signs the same targets anew."""


def commit(
    storage: Storage, pinned_root: bytes, signer: Signer, change: Callable[[Targets], None], above: int = 0
) -> State:
    """Change the targets of a store, sign them, and let readers see them: the timestamp comes last.

    `change` gets the targets by their paths and changes the dictionary.  When another publisher was quicker, `change`
    is called again with the targets that the other publisher left.  Each commit gives all three roles a version that
    no file has yet, greater than `above`.

    :raises UntrustedError: the store's metadata does not verify, or the root does not know the signer's key.
    :raises OvertakenError: other publishers were quicker each time.
    """
    once = partial(_commit_once, storage, pinned_root, signer, change, above)
    for _ in range(ATTEMPTS - 1):
        try:
            return retry(once)  # a version whose answer was lost stays, and the next try takes another one
        except OvertakenError:
            continue
    return retry(once)


def _commit_once(
    storage: Storage, pinned_root: bytes, signer: Signer, change: Callable[[Targets], None], above: int
) -> State:
    state = load(storage, pinned_root)
    if signer.public_key.keyid not in state.root.roles["timestamp"].keyids:
        raise UntrustedError(
            f"the online key here is not the one of {storage.address}: the store's root does not name it",
            resolution="Use the key of the publisher who rotated the keys last, or rotate them: "
            "`nfsroot store keys rotate`.",
        )
    targets = dict(state.targets)
    change(targets)
    version = _free_version(storage, max(state.version, above) + 1)
    expires = _in_days(ONLINE_DAYS)
    targets_text = _signed(tuf.Targets(version=version, expires=expires, targets=targets), signer)
    snapshot = tuf.Snapshot(version=version, expires=expires, meta={"targets.json": _meta(version, targets_text)})
    snapshot_text = _signed(snapshot, signer)
    timestamp_text = _signed(
        tuf.Timestamp(
            version=version,
            expires=expires,
            snapshot_meta=_meta(version, snapshot_text),
            unrecognized_fields={RENEWED: f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"},
        ),
        signer,
    )
    storage.swap(layout.metadata("targets", version), targets_text, None)
    storage.swap(layout.metadata("snapshot", version), snapshot_text, None)
    storage.swap(layout.TIMESTAMP, timestamp_text, state.timestamp)
    return State(state.root, targets, version, timestamp_text)


def _free_version(storage: Storage, version: int) -> int:
    """The first version from `version` on without a file that a killed or slower publisher has left."""
    while any(storage.size(layout.metadata(role, version)) is not None for role in ("targets", "snapshot")):
        version += 1
    return version


def _follow(storage: Storage, root: tuf.Root, role: str, meta: tuf.MetaFile, kind: type[Signed]) -> Signed:
    """The metadata of a role that another role's metadata names by version, length and digest."""
    text = storage.read(layout.metadata(role, meta.version), MOST_BYTES)
    meta.verify_length_and_hashes(text)
    return _verified(root, role, text, kind)


def _verified(root: tuf.Root, role: str, text: bytes, kind: type[Signed]) -> Signed:
    metadata = tuf.Metadata[Any].from_bytes(text)
    if not isinstance(metadata.signed, kind):
        raise RepositoryError(f"{role} metadata is of the type {metadata.signed.type}")
    root.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    return metadata.signed


def _signed(payload: Any, signer: Signer) -> bytes:
    metadata = tuf.Metadata(payload)
    metadata.sign(signer)
    return text_of(metadata)


def _meta(version: int, text: bytes) -> tuf.MetaFile:
    return tuf.MetaFile.from_data(version, text, ["sha256"])


def _in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
