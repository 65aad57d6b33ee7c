from __future__ import annotations

import socket

import pytest
from frames import NODE, SERVER, udp

from builder.lab.rack.router import build_advertisement, is_solicitation, run_router
from builder.lab.wire.packet import compute_checksum

SOLICITATION = bytes.fromhex(
    "333300000002" + NODE.replace(":", "") + "86dd"
    "60000000" + "0010" + "3aff" + "fe80000000000000505400fffe000101" + "ff020000000000000000000000000002"
    "8500" + "0000" + "00000000" + "0101525400000101"
)  # fmt: skip
"""What iPXE sends: a router solicitation (RFC 4861, section 4.1)."""


@pytest.mark.parametrize(
    ("frame", "asks"),
    [
        (SOLICITATION, True),
        (SOLICITATION.replace(b"\x85\x00", b"\x87\x00"), False),
        (SOLICITATION[:54], False),
        (SOLICITATION.replace(b"\x86\xdd", b"\x08\x00"), False),
        (udp(NODE, SERVER, (68, 67), bytes(100)), False),
        (b"", False),
    ],
)
def test_who_asks_for_a_router(frame: bytes, asks: bool) -> None:
    """A router solicitation is one; a neighbour's, one cut short and any other frame are none."""
    assert is_solicitation(frame) is asks


def test_router_offers_nothing() -> None:
    """Its advertisement is right, and has neither a lifetime nor an option, by which nodes would take a prefix."""
    frame = build_advertisement()
    ipv6, message = frame[14:54], frame[54:]
    assert frame[:14].hex() == "333300000001" + "020000000001" + "86dd"
    assert (int.from_bytes(ipv6[4:6], "big"), ipv6[6], ipv6[7]) == (len(message), 58, 255)
    assert ipv6[8:10].hex() == "fe80"
    assert compute_checksum(ipv6[8:40] + len(message).to_bytes(4, "big") + b"\0\0\0\x3a" + message) == 0
    assert message[0] == 134
    assert message[4:] == bytes(12)


def test_router_answers_who_asks() -> None:
    """Each solicitation is answered, other frames are not, and the router ends with its block."""
    node, port = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    node.settimeout(5.0)
    with node:
        with run_router(port):
            node.send(udp(NODE, SERVER, (68, 67), bytes(100)))
            for _ in range(2):
                node.send(SOLICITATION)
                assert node.recv(2048) == build_advertisement()
        with pytest.raises(ConnectionRefusedError):
            node.send(SOLICITATION)
