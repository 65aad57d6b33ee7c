"""Ethernet frames as nodes and servers send them."""

from __future__ import annotations

import struct

NODE = "52:54:00:00:01:01"
SERVER = "52:54:00:00:00:fe"


def udp(source: str, target: str, ports: tuple[int, int], payload: bytes) -> bytes:
    """A UDP datagram."""
    return _frame(source, target, 17, struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload)


SYN, RESET, PUSH = 0x02, 0x14, 0x18
"""Flags of TCP: a connection is wanted, is refused, has data; the last two acknowledge, too."""


def tcp(
    source: str, target: str, ports: tuple[int, int], payload: bytes, *, seq: int = 0, ack: int = 0, flags: int = PUSH
) -> bytes:
    """A TCP segment without options; `seq` and `ack` are its numbers."""
    return _frame(source, target, 6, struct.pack("!HHIIBBHHH", *ports, seq, ack, 5 << 4, flags, 0, 0, 0) + payload)


def dhcp(kind: int, vendor_class: bytes = b"", address: bytes = bytes(4), menu: bytes = b"") -> bytes:
    """A DHCP message of NODE; requests come from it, replies from the server."""
    fixed = bytes(16) + address + bytes(8) + bytes.fromhex(NODE.replace(":", "")) + bytes(202)
    options = b"\x63\x82\x53\x63\x00\x35\x01" + bytes([kind]) + b"\x3c" + bytes([len(vendor_class)]) + vendor_class
    options += b"\x96" + bytes([len(menu)]) + menu if menu else b""
    if kind in (1, 3):
        return udp(NODE, "ff:ff:ff:ff:ff:ff", (68, 67), fixed + options + b"\xff")
    return udp(SERVER, NODE, (67, 68), fixed + options + b"\xff")


def _frame(source: str, target: str, protocol: int, segment: bytes) -> bytes:
    addresses = bytes.fromhex((target + source).replace(":", ""))
    header = struct.pack("!BBHHHBBH8x", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0)
    return addresses + b"\x08\x00" + header + segment
