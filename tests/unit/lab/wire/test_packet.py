from __future__ import annotations

import pytest
from frames import NODE, SERVER, SYN, tcp, udp

from builder.lab.wire.packet import compute_checksum, parse_frame


def test_a_cut_frame_keeps_its_size() -> None:
    """Of a frame that was cut after its headers, the size of the payload is still known."""
    frame = udp(NODE, SERVER, (1, 2), bytes(1000))
    packet = parse_frame(frame[:60], len(frame))
    assert packet is not None
    assert (packet.payload_size, len(packet.payload), packet.size) == (1000, 18, len(frame))


def test_a_segment_has_tcps_numbers() -> None:
    """Ports, numbers and payload of a TCP segment are told."""
    packet = parse_frame(tcp(NODE, SERVER, (900, 80), b"GET", seq=5, ack=(1 << 32) - 1), 57)
    assert packet is not None
    assert (packet.source, packet.target, packet.payload) == (900, 80, b"GET")
    assert (packet.sequence, packet.acknowledged, packet.opens) == (5, (1 << 32) - 1, False)


def test_only_tcp_opens_connections() -> None:
    """A segment with SYN opens a connection, and a datagram never does, whatever stands at that place."""
    opening, datagram = tcp(NODE, SERVER, (900, 80), b"", flags=SYN), udp(NODE, SERVER, (900, 80), b"\xff" * 20)
    opened, other = parse_frame(opening, len(opening)), parse_frame(datagram, len(datagram))
    assert opened and opened.opens
    assert other and not other.opens


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        bytes(41),
        bytes(12) + b"\x86\xdd" + bytes(60),
        bytes(12) + b"\x08\x06" + bytes(60),
        tcp(NODE, SERVER, (900, 80), b"")[:46],
    ],
    ids=["empty", "short", "IPv6", "ARP", "cut within TCP's header"],
)
def test_other_frames_are_nothing(frame: bytes) -> None:
    """Frames that are too short or not IPv4 are passed over."""
    assert parse_frame(frame, len(frame)) is None


def test_checksum() -> None:
    """The example of RFC 1071, section 3."""
    assert compute_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
