"""Leases: objects in a store that say that a publisher or a pruner is at work, where no lock can keep them apart.

A publisher counts on blobs that it found in the store; a pruner removes blobs that no release names.  Each writes its
lease first and looks for leases of the other kind after that, so that at least one of two sees the other.

Where nobody can list objects, there is one lease of each kind.  The lease says how old it is, and which objects a
pruner removes: a pruner that finds the lease of a killed one removes those objects, too.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from builder.errors import NfsrootError
from builder.store import layout
from builder.store.errors import NotStoredError, StoreError, UnsupportedError
from builder.store.storage.interface import Storage, Text
from builder.store.transfer import retry

SECONDS = 24 * 3600
"""The age up to which a lease counts; a process that was killed leaves its lease behind."""

PUBLISH = "publish"
PRUNE = "prune"
MOST_BYTES = 16 << 20
"""The most bytes of a lease, which may name many objects."""


@contextmanager
def hold_lease(storage: Storage, kind: str = PUBLISH, objects: Sequence[str] = ()) -> Iterator[None]:
    """Hold a lease of one kind while no lease of the other kind is held; a pruner removes the `objects`.

    :raises NfsrootError: a process of the other kind is at work.
    """
    path = f"{layout.LEASES}{kind}-{uuid.uuid4().hex}" if storage.lists else f"{layout.LEASES}{kind}"
    if kind == PRUNE:
        storage.delete(path)  # a server that removes nothing refuses before there is a lease that stays
    _write(storage, path, int(time.time()), objects)
    try:
        other = PRUNE if kind == PUBLISH else PUBLISH
        for lease in _found(storage, other):
            raise NfsrootError(
                f"nfsroot is at work in {storage.address}: {lease} says `{other}`",
                resolution=f"Try again later. If it was killed, remove {lease}, or wait a day.",
            )
        yield
    except BaseException:
        with suppress(StoreError):  # the user is told why the block ended; a lease that stays counts for a day at most
            if objects and not storage.lists:
                _write(storage, path, 0, objects)  # keeps nobody out, and the next pruner goes on with the objects
            else:
                _remove(storage, path)
        raise
    _remove(storage, path)


def find_unfinished(storage: Storage) -> list[str]:
    """The objects that a killed or failed pruner left; none in a store that can list its objects."""
    return _read(storage, PRUNE)[1] if not storage.lists else []


def _write(storage: Storage, path: str, since: int, objects: Sequence[str]) -> None:
    text = json.dumps({"since": since, "objects": list(objects)})
    retry(lambda: storage.put(path, Text(f"{text}\n".encode())))


def _remove(storage: Storage, path: str) -> None:
    with suppress(UnsupportedError):  # nobody can prune such a store, and old leases do not count
        storage.delete(path)


def _found(storage: Storage, kind: str) -> Iterator[str]:
    """The leases of one kind that are not too old."""
    if not storage.lists:
        if time.time() - _read(storage, kind)[0] < SECONDS:
            yield f"{layout.LEASES}{kind}"
        return
    for stored in storage.list(f"{layout.LEASES}{kind}-"):
        if time.time() - stored.modified < SECONDS:
            yield stored.path


def _read(storage: Storage, kind: str) -> tuple[int, list[str]]:
    """The time since which the one lease of a kind has been held, 0 without a lease, and the objects that it names."""
    try:
        document = json.loads(retry(lambda: storage.read(f"{layout.LEASES}{kind}", MOST_BYTES)))
        return int(document["since"]), [str(path) for path in document["objects"]]
    except (NotStoredError, ValueError, TypeError, KeyError, RecursionError):
        return 0, []
