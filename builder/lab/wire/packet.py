"""UDP datagrams and TCP segments in Ethernet frames (RFC 791, 768, 793), and the checksum of packets to send."""

from __future__ import annotations

import struct
from dataclasses import dataclass

IPV4, TCP, UDP = 0x0800, 6, 17
SYN = 0x02


@dataclass(frozen=True)
class Packet:
    """A UDP datagram or TCP segment.

    `size` is the length of the whole frame in bytes; `payload` may be cut.  `sequence` and `acknowledged` are TCP's
    numbers; `opens` is true when the sender opens or accepts a connection.
    """

    source_mac: str
    target_mac: str
    protocol: int
    source: int
    target: int
    payload: bytes
    payload_size: int
    size: int
    sequence: int
    acknowledged: int
    opens: bool


def parse_frame(frame: bytes, size: int) -> Packet | None:
    """Parse the UDP datagram or TCP segment in an Ethernet frame; None for other frames and for later IP fragments."""
    if len(frame) < 42 or int.from_bytes(frame[12:14], "big") != IPV4:
        return None
    start = 14 + 4 * (frame[14] & 15)
    protocol, fragment = frame[23], int.from_bytes(frame[20:22], "big") & 0x1FFF
    if protocol not in (TCP, UDP) or fragment or len(frame) < start + (14 if protocol == TCP else 8):
        return None
    source, target = struct.unpack_from("!HH", frame, start)
    sequence, acknowledged = struct.unpack_from("!II", frame, start + 4) if protocol == TCP else (0, 0)
    header = 8 if protocol == UDP else 4 * (frame[start + 12] >> 4)
    length = int.from_bytes(frame[16:18], "big") or size - 14  # 0 in a segment that the NIC was to cut (GSO).
    payload = frame[start + header : 14 + length]
    return Packet(
        source_mac=frame[6:12].hex(":"),
        target_mac=frame[:6].hex(":"),
        protocol=protocol,
        source=source,
        target=target,
        payload=payload,
        payload_size=max(0, 14 + length - start - header),
        size=size,
        sequence=sequence,
        acknowledged=acknowledged,
        opens=protocol == TCP and bool(frame[start + 13] & SYN),
    )


def compute_checksum(data: bytes) -> int:
    """Compute the Internet checksum of an even number of bytes (RFC 1071)."""
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
