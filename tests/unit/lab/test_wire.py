from __future__ import annotations

import pytest
from frames import NODE, SERVER, dhcp, tcp, udp

from builder.lab.wire import Kind, Wire, decode


def see(wire: Wire, *frames: bytes) -> list[tuple[Kind, str]]:
    """What the frames tell, all of it about NODE."""
    events = [event for frame in frames for event in wire.see(frame, len(frame), 1.0)]
    assert {event.mac for event in events} <= {NODE}
    return [(event.kind, event.text) for event in events]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (dhcp(1, b"PXEClient:Arch:00000"), (Kind.DHCP_DISCOVER, "PXEClient:Arch:00000")),
        (dhcp(3, b"Linux ipconfig"), (Kind.DHCP_REQUEST, "Linux ipconfig")),
        (dhcp(2, address=bytes([192, 168, 0, 101])), (Kind.DHCP_OFFER, "192.168.0.101")),
        (dhcp(5, address=bytes([192, 168, 0, 101])), (Kind.DHCP_ACK, "192.168.0.101")),
        (dhcp(6), (Kind.DHCP_NAK, "0.0.0.0")),
    ],
)
def test_dhcp_messages(frame: bytes, expected: tuple[Kind, str]) -> None:
    """A request tells who asks, a reply which address is given."""
    assert see(Wire(), frame) == [expected]


def test_menu_of_an_acknowledgement() -> None:
    """What DHCP finally says in option 150 is told; what it only offers is not."""
    menu, address = b"(nd)/grub/ssi1", bytes([192, 168, 0, 101])
    acknowledged = [(Kind.DHCP_ACK, "192.168.0.101"), (Kind.DHCP_MENU, "(nd)/grub/ssi1")]
    assert see(Wire(), dhcp(5, address=address, menu=menu)) == acknowledged
    assert see(Wire(), dhcp(2, address=address, menu=menu)) == [(Kind.DHCP_OFFER, "192.168.0.101")]


def test_tftp_transfer_ends_with_a_short_block() -> None:
    """A transfer is done when a block is shorter than the size that was agreed upon (RFC 2348)."""
    wire = Wire()
    request = udp(NODE, SERVER, (2000, 69), b"\0\1/initrd.img-6.12\0octet\0blksize\0001024\0")
    agreed = udp(SERVER, NODE, (3000, 2000), b"\0\6blksize\x001024\0")
    full = udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(1024))
    short = udp(SERVER, NODE, (3000, 2000), b"\0\3\0\2" + bytes(512))
    assert see(wire, request, agreed, full) == [(Kind.TFTP_READ, "/initrd.img-6.12")]
    assert see(wire, short) == [(Kind.TFTP_DONE, "/initrd.img-6.12")]
    assert see(wire, short) == []
    assert wire.bytes_by == {(NODE, 69): sum(map(len, (agreed, full, short)))}


def test_tftp_block_is_512_bytes_unless_agreed() -> None:
    """Without options a block of 512 bytes is not the last one, and an empty one is (RFC 1350)."""
    wire = Wire()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/pxegrub\0octet\0"))
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(512))) == []
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\2")) == [(Kind.TFTP_DONE, "/pxegrub")]


def test_tftp_error_names_file_and_reason() -> None:
    """A refused file is told with the server's reason."""
    wire = Wire()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/grub/x\0octet\0"))
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\5\0\1File not found\0")) == [
        (Kind.TFTP_ERROR, "/grub/x: File not found")
    ]


def test_rpc_is_told_once_a_flow() -> None:
    """The first payload to a port counts, not the handshake before it nor what follows."""
    wire = Wire()
    handshake, call = (tcp(NODE, SERVER, (900, 2049), payload) for payload in (b"", b"call"))
    assert see(wire, handshake, call, call) == [(Kind.NFS, "")]
    assert see(wire, udp(NODE, SERVER, (901, 111), b"call")) == [(Kind.PORTMAP, "")]


def test_nfs_bytes_count_in_both_directions() -> None:
    """Frames to and from the NFS server count for the node."""
    wire = Wire()
    frames = [tcp(NODE, SERVER, (900, 2049), b"call"), tcp(SERVER, NODE, (2049, 900), b"reply" * 9)]
    see(wire, *frames)
    assert wire.bytes_by == {(NODE, 2049): sum(map(len, frames))}


def test_a_cut_frame_keeps_its_size() -> None:
    """Of a frame that was cut after its headers, the size of the payload is still known."""
    frame = udp(NODE, SERVER, (1, 2), bytes(1000))
    packet = decode(frame[:60], len(frame))
    assert packet is not None
    assert (packet.payload_size, len(packet.payload), packet.size) == (1000, 18, len(frame))


@pytest.mark.parametrize(
    "frame", [b"", bytes(41), bytes(12) + b"\x86\xdd" + bytes(60), bytes(12) + b"\x08\x06" + bytes(60)]
)
def test_other_frames_tell_nothing(frame: bytes) -> None:
    """Frames that are too short or not IPv4 are passed over."""
    assert Wire().see(frame, len(frame), 1.0) == []


@pytest.mark.parametrize("cut", range(42, 285, 7))
def test_a_broken_dhcp_message_tells_nothing(cut: int) -> None:
    """A DHCP message that ends before its first option does is passed over."""
    frame = dhcp(1)[:cut]
    assert Wire().see(frame, len(frame), 1.0) == []
