"""Changes the keys of a store, and signs a store anew that was restored from a backup.

Readers follow a chain of roots, each signed with the root key of the one before.  While the online key changes, a root
names the old key and the new one: a reader who comes between any two steps finds a store that verifies.
"""

from __future__ import annotations

from securesystemslib.signer import Signer

from builder.store import keys, layout, metadata, reader
from builder.store.keys import ONLINE, ROOT, Keys
from builder.store.metadata import State, change_nothing
from builder.store.publish import Publisher
from builder.store.storage.interface import Storage

NEXT_ROOT = f"next-{ROOT}"

VERSIONS_AHEAD = 1000
"""The versions by which a recovered store is ahead of its backup: readers may have seen as many changes since."""


def rotate_online(storage: Storage, held: Keys) -> State:
    """Give the store a new online key; the old key is not valid afterwards.

    :raises NfsrootError: the root key is not here.
    """
    _settle(storage, held)
    root_signer, old = held.root(), held.online()
    fresh = keys.generate_key()
    _write_root(storage, held, root_signer, [old, fresh])
    held.replace(ONLINE, fresh)
    state = Publisher(storage, held.first_root, fresh).commit(change_nothing)
    _write_root(storage, held, root_signer, [fresh])
    return state


def rotate_root(storage: Storage, held: Keys) -> None:
    """Give the store a new root key: the next root is signed with the old key and with the new one.

    :raises NfsrootError: the root key is not here.
    """
    _settle(storage, held)
    old, fresh = held.root(), keys.generate_key()
    held.replace(NEXT_ROOT, fresh)
    _write_root(storage, held, fresh, [held.online()], old)
    _settle(storage, held)


def recover(publisher: Publisher) -> State:
    """Sign a restored store anew, with a version newer than all versions that readers can have seen."""
    shown = metadata.load(publisher.storage, publisher.first_root).version
    above = max(reader.read_seen_version(publisher.storage), shown + VERSIONS_AHEAD)
    reader.forget(publisher.storage)
    return publisher.commit(change_nothing, above)


def _settle(storage: Storage, held: Keys) -> None:
    """Complete a rotation that ended early and left two root keys here, or two online keys in the root."""
    following = held.directory / NEXT_ROOT
    if following.exists():
        named = metadata.newest_root(storage, held.first_root).roles["root"].keyids
        if keys.read_key(following).public_key.keyid in named:
            following.replace(held.directory / ROOT)
    if len(metadata.newest_root(storage, held.first_root).roles["timestamp"].keyids) > 1:
        Publisher(storage, held.first_root, held.online()).commit(change_nothing)
        _write_root(storage, held, held.root(), [held.online()])


def _write_root(
    storage: Storage, held: Keys, root_signer: Signer, online: list[Signer], before: Signer | None = None
) -> None:
    """Write the next root, which names the keys of these signers; `before` is the root key that it replaces."""
    newest = metadata.newest_root(storage, held.first_root)
    root = metadata.make_root(root_signer.public_key, [signer.public_key for signer in online], newest.version + 1)
    for signer in (root_signer, *([before] if before else [])):
        root.sign(signer, append=True)
    storage.swap(layout.metadata("root", newest.version + 1), metadata.text_of(root), None)
