"""The lab's own question to a DHCP server."""

from __future__ import annotations

import struct

from builder.lab.faults.dhcp_discover import build_discover
from builder.lab.wire.dissector import Dissector
from builder.lab.wire.event import Kind

MAC = "52:54:00:00:01:01"


def test_question_is_a_boot_roms() -> None:
    """What the lab reads off the wire is a DHCPDISCOVER of a boot ROM with that MAC address."""
    frame = build_discover(MAC)
    (event,) = Dissector().dissect(frame, len(frame), 1.0)
    assert (event.mac, event.kind, event.text) == (MAC, Kind.DHCP_DISCOVER, "PXEClient")


def test_header_is_right() -> None:
    """The sum over the IPv4 header is what RFC 1071 wants of a header that arrived whole, and its length is right."""
    frame = build_discover(MAC)
    total = sum(struct.unpack("!10H", frame[14:34]))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
    assert int.from_bytes(frame[16:18], "big") == len(frame) - 14


def test_bridge_does_not_look_for_the_node_here() -> None:
    """The frame does not come from the node's own address, or the bridge would send the node's frames to the lab."""
    assert frame_source(build_discover(MAC)) != MAC


def frame_source(frame: bytes) -> str:
    """Whom an Ethernet frame comes from."""
    return frame[6:12].hex(":")
