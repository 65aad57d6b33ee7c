"""Tests whether an S3 server obeys conditions on writes (If-None-Match, If-Match), also when writers race.

Some servers ignore the conditions, and some check them without a lock, so that two writers at once both succeed.
"""

from __future__ import annotations

import contextlib
import threading
import uuid
from functools import partial
from typing import TYPE_CHECKING, Literal

import obstore
from obstore.store import S3Store

from builder.parallel import crew
from builder.store.errors import OvertakenError, PermissionRefusedError, StoreError, StoreFullError, TransientError
from builder.store.storage.s3_errors import translate_errors

WRITERS = 2
ROUNDS = 6
"""Few writers in several races: a server that locks makes each of many writers wait for all others."""

if TYPE_CHECKING:
    Condition = Literal["create"] | obstore.UpdateVersion


def honours_conditions(store: S3Store, address: str) -> bool:
    """Whether exactly one of several writers wins each race; the objects of the races are removed again.

    :raises PermissionRefusedError: this user may not write.
    :raises TransientError: the server failed, so that nothing is known of it.
    """
    paths = [f".probe-{uuid.uuid4().hex}" for _ in range(ROUNDS)]
    try:
        with crew(ROUNDS) as threads:
            races = [threads.begin(partial(_has_one_winner, store, path, address)) for path in paths]
            return all([has_one_winner() for has_one_winner in races])
    except (PermissionRefusedError, StoreFullError, TransientError):
        raise
    except StoreError:
        return False  # the server knows no conditions
    finally:
        with contextlib.suppress(FileNotFoundError), translate_errors(paths[0], address):
            obstore.delete(store, paths)


def _has_one_winner(store: S3Store, path: str, address: str) -> bool:
    """Whether one writer creates the object, one replaces it, and none replaces a version that is gone."""
    if _race(store, path, address, "create") != 1:
        return False
    with translate_errors(path, address):
        version: Condition = {"e_tag": obstore.head(store, path)["e_tag"]}
    return _race(store, path, address, version) == 1 and not _write(store, path, address, version, b"too late")


def _race(store: S3Store, path: str, address: str, condition: Condition) -> int:
    """The number of writers that succeed, of several that begin at once."""
    start = threading.Barrier(WRITERS)

    def write(number: int) -> bool:
        start.wait()
        return _write(store, path, address, condition, f"writer {number} of {condition}".encode())

    with crew(WRITERS) as threads:
        return sum(done() for done in [threads.begin(partial(write, number)) for number in range(WRITERS)])


def _write(store: S3Store, path: str, address: str, condition: Condition, content: bytes) -> bool:
    try:
        with translate_errors(path, address):
            obstore.put(store, path, content, mode=condition)
    except OvertakenError:
        return False
    return True
