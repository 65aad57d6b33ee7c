"""A DHCP client that prints the first offer as JSON, or null when none comes (RFC 2131, 2132, 4578).

Usage: dhcp_client.py MAC ARCHITECTURE SECONDS
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import struct
import sys
import time

INTERFACE = b"eth0"
CLIENT_PORT, SERVER_PORT = 68, 67
HEADER = struct.Struct("!4BIHH4s4s4s4s16s64s128s4s")
COOKIE = bytes((99, 130, 83, 99))
BROADCAST = 0x8000
AGAIN = 0.5
"""Seconds after which a request is sent again, since a datagram may get lost (RFC 2131 section 4.1)."""
DISCOVER, OFFER = 1, 2
ASKED_FOR = bytes((1, 3, 12, 15, 17, 66, 67))
"""Subnet mask, router, host name, domain, root path, server and file name: like a boot ROM, it does not ask for 150."""


def discover(mac: bytes, architecture: int, transaction: int) -> bytes:
    """A DHCPDISCOVER from a PXE client of this architecture (option 93) that wants its answer broadcast."""
    nothing = bytes(4)
    header = HEADER.pack(
        *(1, 1, 6, 0), transaction, 0, BROADCAST, nothing, nothing, nothing, nothing, mac, b"", b"", COOKIE
    )
    options = {53: bytes((DISCOVER,)), 55: ASKED_FOR, 60: b"PXEClient", 93: struct.pack("!H", architecture)}
    return header + b"".join(bytes((code, len(data))) + data for code, data in options.items()) + b"\xff"


def parse_options(data: bytes) -> dict[int, bytes]:
    """The options after the cookie: code, length, value; 0 pads and 255 ends."""
    options: dict[int, bytes] = {}
    position = 0
    while data[position] != 255:
        if data[position] == 0:
            position += 1
            continue
        code, length = data[position], data[position + 1]
        options[code] = options.get(code, b"") + data[position + 2 : position + 2 + length]
        position += 2 + length
    return options


def parse_offer(packet: bytes, transaction: int) -> dict[str, object] | None:
    """What the packet offers in answer to `transaction`; None when it is something else."""
    *_, address, next_server, _relay, _mac, _name, file, cookie = HEADER.unpack_from(packet)
    options = parse_options(packet[HEADER.size :])
    if (HEADER.unpack_from(packet)[4], cookie, options.get(53)) != (transaction, COOKIE, bytes((OFFER,))):
        return None
    return {
        "address": str(ipaddress.IPv4Address(address)),
        "next_server": str(ipaddress.IPv4Address(next_server)),
        "file": (file.rstrip(b"\0") or options.get(67, b"")).rstrip(b"\0").decode(),
        "options": {code: data.hex() for code, data in options.items()},
    }


def ask(mac: bytes, architecture: int, seconds: float, interface: bytes = INTERFACE) -> dict[str, object] | None:
    """Send a DHCPDISCOVER every AGAIN seconds; return the first offer, or None when no offer comes within `seconds`."""
    transaction = secrets.randbits(32)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface)
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        endpoint.bind(("", CLIENT_PORT))
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            endpoint.sendto(discover(mac, architecture, transaction), ("255.255.255.255", SERVER_PORT))
            if offer := _receive(endpoint, transaction, min(now + AGAIN, end)):
                return offer
    return None


def _receive(endpoint: socket.socket, transaction: int, end: float) -> dict[str, object] | None:
    """The first offer before the clock shows `end`."""
    while (left := end - time.monotonic()) > 0:
        endpoint.settimeout(left)
        try:
            packet = endpoint.recv(4096)
        except TimeoutError:
            return None
        if offer := parse_offer(packet, transaction):
            return offer
    return None


if __name__ == "__main__":
    offer = ask(bytes.fromhex(sys.argv[1].replace(":", "")), int(sys.argv[2]), float(sys.argv[3]))
    print(json.dumps(offer))  # noqa: T201 - its output is its answer
