"""The Ethernet frame by which a boot ROM asks for an address (DHCPDISCOVER; RFC 2131, RFC 768, RFC 791)."""

from __future__ import annotations

import secrets
import struct

from builder.lab.wire.packet import IPV4, UDP, compute_checksum

ASKER = bytes.fromhex("020000000000")
"""The source of the frame; with a node's address, the bridge would send the node's frames to this port."""

EVERYBODY = bytes.fromhex("ffffffffffff")
CLIENT_PORT, SERVER_PORT = 68, 67
BROADCAST_REPLY = 0x8000
BOOTP = struct.Struct("!4BIHH16s16s64s128s4s")
COOKIE = bytes((99, 130, 83, 99))
OPTIONS = bytes((53, 1, 1, 55, 4, 1, 3, 12, 67, 60, 9)) + b"PXEClient" + bytes((93, 2, 0, 0, 255))
"""DHCP options: DHCPDISCOVER, the options that are requested, and the vendor class of a boot ROM for BIOS.

See RFC 2132 and RFC 4578.
"""


def build_discover(mac: str) -> bytes:
    """Build the frame by which a boot ROM with this MAC address asks for an address."""
    hardware, transaction = bytes.fromhex(mac.replace(":", "")), secrets.randbits(32)
    message = BOOTP.pack(1, 1, 6, 0, transaction, 0, BROADCAST_REPLY, b"", hardware, b"", b"", COOKIE) + OPTIONS
    datagram = struct.pack("!4H", CLIENT_PORT, SERVER_PORT, 8 + len(message), 0) + message
    return EVERYBODY + ASKER + struct.pack("!H", IPV4) + _build_header(len(datagram)) + datagram


def _build_header(size: int) -> bytes:
    """Build the header of an IPv4 packet with `size` bytes of UDP, from 0.0.0.0 to 255.255.255.255."""
    fields = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + size, 0, 0, 64, UDP, 0, bytes(4), b"\xff" * 4)
    return fields[:10] + struct.pack("!H", compute_checksum(fields)) + fields[12:]
