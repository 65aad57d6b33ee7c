"""A router that answers solicitations and routes nothing, so that boot ROMs do not wait for a router.

iPXE asks for an IPv6 router while it waits for DHCP.  It loads nothing before a router has answered or six requests
have had no answer, which takes sixteen seconds (measured with Debian 12's ipxe-qemu).  An advertisement without
prefixes and with a lifetime of 0 (RFC 4861, sections 4.2 and 6.2.3) ends the wait, and gives nodes neither address nor
route.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from builder.lab.wire.packet import compute_checksum
from builder.parallel import Stopped, beside

MAC = bytes.fromhex("020000000001")
ADDRESS = bytes.fromhex("fe8000000000000000000000000000ff")
EVERYBODY_MAC, EVERYBODY = bytes.fromhex("333300000001"), bytes.fromhex("ff020000000000000000000000000001")
"""All nodes of a link (RFC 2464, section 7; RFC 4291, section 2.7.1)."""

IPV6, ICMPV6 = 0x86DD, 58
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT = 133, 134
HOP_LIMIT = 255
HEADERS = 14 + 40
SNAP = 128
"""The number of bytes that are read of each frame."""


def is_solicitation(frame: bytes) -> bool:
    """Whether an Ethernet frame is a router solicitation."""
    if len(frame) <= HEADERS or int.from_bytes(frame[12:14], "big") != IPV6:
        return False
    return frame[20] == ICMPV6 and frame[HEADERS] == ROUTER_SOLICITATION


def build_advertisement() -> bytes:
    """Build the Ethernet frame of a router advertisement that offers neither addresses nor routes."""
    # Type, code, checksum, hop limit, flags, lifetime, reachable time, retransmission: 0 says nothing of a field.
    message = struct.pack("!BBHBBHII", ROUTER_ADVERTISEMENT, 0, 0, 0, 0, 0, 0, 0)
    pseudo_header = ADDRESS + EVERYBODY + struct.pack("!II", len(message), ICMPV6)
    message = message[:2] + struct.pack("!H", compute_checksum(pseudo_header + message)) + message[4:]
    ipv6 = struct.pack("!IHBB", 6 << 28, len(message), ICMPV6, HOP_LIMIT) + ADDRESS + EVERYBODY
    return EVERYBODY_MAC + MAC + IPV6.to_bytes(2, "big") + ipv6 + message


@contextmanager
def run_router(port: socket.socket) -> Iterator[None]:
    """Answer router solicitations at `port`, a packet socket (packet(7)) on the network, in a thread."""
    port.settimeout(0.2)

    def answer(stopped: Stopped) -> None:
        while not stopped():
            try:
                frame = port.recv(SNAP)
            except TimeoutError:
                continue
            if is_solicitation(frame):
                port.send(build_advertisement())

    with port, beside("the lab's router", answer):
        yield
