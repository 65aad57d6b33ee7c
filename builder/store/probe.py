"""Tests which operations the server of a store supports."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from builder.store.errors import OvertakenError, StoreError, UnsupportedError
from builder.store.storage.interface import Storage, Text
from builder.store.transfer import retry

NOT_SAFE = "not safe: let one publish after the other"
CONTENT = bytes(range(256)) * 16


def probe(storage: Storage) -> dict[str, str]:
    """The result of each operation that was tried, in words, by its name; the object of the probe is removed again."""
    path = f"probe/{uuid.uuid4().hex}"
    try:
        return {
            "write": _try(lambda: storage.put(path, Text(CONTENT))),
            "read": _try(lambda: _expect(storage.read(path, len(CONTENT)) == CONTENT, "other bytes came back")),
            "read from an offset": _try(
                lambda: _expect(b"".join(storage.stream(path, 1000)) == CONTENT[1000:], "other bytes came back")
            ),
            "list": _try(
                lambda: _expect(path in [found.path for found in storage.list("probe/")], "the object is not listed")
            ),
            "refuse to replace what another publisher wrote": _try(lambda: _swap(storage, path)),
            "two publishers at once": "yes" if retry(lambda: storage.swaps_safely) else NOT_SAFE,
        }
    finally:
        storage.delete(path)


def _swap(storage: Storage, path: str) -> None:
    try:
        storage.swap(path, b"mine", b"something else")
    except OvertakenError:
        return
    raise StoreError("it was replaced")


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoreError(otherwise)


def _try(do: Callable[[], object]) -> str:
    try:
        do()
    except UnsupportedError:
        return "no"
    except StoreError as error:
        return f"failed: {error.brief}"
    return "yes"
