"""Leases: publishers and pruners say in the store that they are at work, where no lock can keep them apart.

A publisher counts on blobs that it found in the store; a pruner removes blobs that no release names.  Each writes its
lease first and looks for leases of the other kind after that, so that at least one of two sees the other.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator

from builder.errors import NfsrootError
from builder.store import layout
from builder.store.errors import UnsupportedError
from builder.store.storage.interface import Storage, Text

SECONDS = 24 * 3600
"""How old a lease may be; a process that was killed leaves its lease behind."""

PUBLISH = "publish"
PRUNE = "prune"


@contextlib.contextmanager
def held(storage: Storage, kind: str = PUBLISH) -> Iterator[None]:
    """Hold a lease of one kind while no lease of the other kind is held.

    :raises NfsrootError: a process of the other kind is at work.
    """
    path = f"{layout.LEASES}{kind}-{uuid.uuid4().hex}"
    storage.put(path, Text(b"\n"))
    try:
        other = PRUNE if kind == PUBLISH else PUBLISH
        for lease in _found(storage, other):
            raise NfsrootError(
                f"nfsroot is at work in {storage.address}: {lease} says `{other}`",
                resolution=f"Try again later. If it was killed, remove {lease}, or wait a day.",
            )
        yield
    finally:
        with contextlib.suppress(UnsupportedError):  # nobody can prune such a store, and old leases do not count
            storage.delete(path)


def _found(storage: Storage, kind: str) -> Iterator[str]:
    """The leases of one kind that are not too old; where nobody can list them, nobody can prune."""
    with contextlib.suppress(UnsupportedError):
        for stored in storage.list(f"{layout.LEASES}{kind}-"):
            if time.time() - stored.modified < SECONDS:
                yield stored.path
