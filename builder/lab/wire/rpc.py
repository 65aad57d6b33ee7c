"""Calls of ONC RPC, parsed from TCP segments (RFC 5531, sections 9 and 11)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

LAST_FRAGMENT = 1 << 31
CALL, VERSION = 0, 2
HEADER = struct.Struct("!IIII")
"""The beginning of a call: record mark, transaction, kind of message, version of RPC."""


def find_calls(payload: bytes) -> Iterator[bytes]:
    """Yield the calls that begin in a segment to the server, with their record marks; the last call may be cut.

    A segment that continues a long call yields nothing.
    """
    at = 0
    while at + HEADER.size <= len(payload):
        mark, _, kind, version = HEADER.unpack_from(payload, at)
        if (kind, version) != (CALL, VERSION):
            break
        end = at + 4 + (mark & ~LAST_FRAGMENT)
        yield payload[at:end]
        at = end
