from __future__ import annotations

import struct

import pytest

from builder.lab.wire.rpc import LAST_FRAGMENT, find_calls


def record(kind: int, version: int = 2, size: int = 40) -> bytes:
    """A message of RPC of `size` bytes behind its record mark."""
    return struct.pack("!IIII", LAST_FRAGMENT | size, 7, kind, version) + bytes(size - 12)


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        (record(0), 1),
        (record(0) + record(0, size=2000)[:100], 2),
        (record(1), 0),
        (record(0, version=3), 0),
        (record(0)[:15], 0),
        (b"", 0),
        (record(0) + bytes(100), 1),
    ],
)
def test_calls_in_a_segment(payload: bytes, count: int) -> None:
    """Each call that begins in a segment is found, cut or not; replies and what is no RPC are none."""
    assert len(list(find_calls(payload))) == count
