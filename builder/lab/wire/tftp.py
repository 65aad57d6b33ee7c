"""Transfers of files over TFTP (RFC 1350, 2347 and 2348)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.lab.wire.event import Kind
from builder.lab.wire.packet import Packet

READ_REQUEST, DATA, ERROR, OPTIONS_ACKNOWLEDGED = 1, 3, 5, 6
BLOCK = 512
"""The size of a block, in bytes, when client and server do not agree on another one."""


@dataclass
class Transfer:
    """A file that a node reads, and the size of its blocks in bytes."""

    path: str
    block: int = BLOCK

    def receive(self, packet: Packet) -> tuple[Kind, str] | None:
        """Follow a packet from the server; give the kind and text of an event if the packet ends the transfer."""
        operation = int.from_bytes(packet.payload[:2], "big")
        if operation == OPTIONS_ACKNOWLEDGED:
            words = packet.payload[2:].lower().split(b"\0")
            size = dict(zip(words[::2], words[1::2], strict=False)).get(b"blksize", b"")
            # The answer may be nonsense; then the block's size stays as it was.
            self.block = int(size) if re.fullmatch(rb"[0-9]{1,5}", size) else self.block
        elif operation == DATA and packet.payload_size - 4 < self.block:
            return Kind.TFTP_DONE, self.path
        elif operation == ERROR:
            reason = packet.payload[4:].split(b"\0", 1)[0].decode(errors="replace")
            return Kind.TFTP_ERROR, f"{self.path}: {reason}"
        return None


def parse_request(payload: bytes) -> Transfer | None:
    """Parse a read request, which begins a transfer; None when the datagram is something else."""
    if int.from_bytes(payload[:2], "big") != READ_REQUEST:
        return None
    return Transfer(payload[2:].split(b"\0", 1)[0].decode(errors="replace"))
