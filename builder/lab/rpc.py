"""Calls of ONC RPC over TCP, as far as segments show them (RFC 5531, sections 9 and 11)."""

from __future__ import annotations

import struct

LAST_FRAGMENT = 1 << 31
CALL, VERSION = 0, 2
HEADER = struct.Struct("!IIII")
"""Record mark, transaction, kind of message, version of RPC."""


def calls(payload: bytes) -> int:
    """How many calls begin in a segment to the server; none in one that goes on with a long call."""
    count = at = 0
    while at + HEADER.size <= len(payload):
        mark, _, kind, version = HEADER.unpack_from(payload, at)
        if (kind, version) != (CALL, VERSION):
            break
        count += 1
        at += 4 + (mark & ~LAST_FRAGMENT)
    return count
