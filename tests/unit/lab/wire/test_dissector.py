from __future__ import annotations

import random
import struct

import pytest
from frames import NODE, RESET, SERVER, SYN, dhcp, tcp, udp

from builder.lab.wire.dissector import Dissector
from builder.lab.wire.event import Kind


def see(wire: Dissector, *frames: bytes) -> list[tuple[Kind, str]]:
    """What the frames tell, all of it about NODE."""
    events = [event for frame in frames for event in wire.dissect(frame, len(frame), 1.0)]
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
    assert see(Dissector(), frame) == [expected]


def test_menu_of_an_acknowledgement() -> None:
    """What DHCP finally says in option 150 is told; what it only offers is not."""
    menu, address = b"(nd)/grub/ssi1", bytes([192, 168, 0, 101])
    acknowledged = [(Kind.DHCP_ACK, "192.168.0.101"), (Kind.DHCP_MENU, "(nd)/grub/ssi1")]
    assert see(Dissector(), dhcp(5, address=address, menu=menu)) == acknowledged
    assert see(Dissector(), dhcp(2, address=address, menu=menu)) == [(Kind.DHCP_OFFER, "192.168.0.101")]


def test_tftp_transfer_ends_with_a_short_block() -> None:
    """A transfer is done when a block is shorter than the size that was agreed upon (RFC 2348)."""
    wire = Dissector()
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
    wire = Dissector()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/pxegrub\0octet\0"))
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(512))) == []
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\2")) == [(Kind.TFTP_DONE, "/pxegrub")]


def test_tftp_error_names_file_and_reason() -> None:
    """A refused file is told with the server's reason."""
    wire = Dissector()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/grub/x\0octet\0"))
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\5\0\1File not found\0")) == [
        (Kind.TFTP_ERROR, "/grub/x: File not found")
    ]


def test_rpc_is_told_once_a_flow() -> None:
    """The first payload to a port counts, not what follows; a connection for NFS is told before it."""
    wire = Dissector()
    handshake, call = tcp(NODE, SERVER, (900, 2049), b"", flags=SYN), tcp(NODE, SERVER, (900, 2049), b"call")
    assert see(wire, handshake, call, call) == [(Kind.NFS_CONNECTION, ""), (Kind.NFS, "")]
    handshake, call = (tcp(NODE, SERVER, (901, 111), payload) for payload in (b"", b"call"))
    assert see(wire, handshake, call, call) == [(Kind.PORTMAP, "")]


def test_a_reset_is_no_connection() -> None:
    """Firmware with TCP resets the connection for NFS that the system before it left open: nothing speaks NFS yet."""
    assert see(Dissector(), tcp(NODE, SERVER, (900, 2049), b"", flags=RESET)) == []


def test_a_node_that_starts_anew() -> None:
    """After a node asked for an address again, its first call counts again, though it be from the same port."""
    wire, call = Dissector(), tcp(NODE, SERVER, (900, 2049), b"call")
    assert see(wire, call, call) == [(Kind.NFS, "")]
    assert see(wire, dhcp(1), call) == [(Kind.DHCP_DISCOVER, ""), (Kind.NFS, "")]


def test_another_node_that_starts_anew() -> None:
    """What one node begins anew says nothing about the calls of another."""
    wire, other = Dissector(), "52:54:00:00:01:02"
    call = tcp(other, SERVER, (900, 2049), b"call")
    assert [event.kind for event in wire.dissect(call, len(call), 1.0)] == [Kind.NFS]
    see(wire, dhcp(1))
    assert wire.dissect(call, len(call), 1.0) == []


def test_nfs_bytes_count_in_both_directions() -> None:
    """Frames to and from the NFS server count for the node."""
    wire = Dissector()
    frames = [tcp(NODE, SERVER, (900, 2049), b"call"), tcp(SERVER, NODE, (2049, 900), b"reply" * 9)]
    see(wire, *frames)
    assert wire.bytes_by == {(NODE, 2049): sum(map(len, frames))}


def call(transaction: int, size: int = 60) -> bytes:
    """A call of RPC with its record mark."""
    return struct.pack("!IIII", 1 << 31 | size, transaction, 0, 2) + bytes(size - 12)


def test_calls_that_wait_for_answers_are_round_trips() -> None:
    """Calls that acknowledge the same bytes are one round trip, in one segment or in several; a reply is none."""
    wire = Dissector()
    for payload, ack in ((call(1) + call(2), 0), (call(3), 0), (call(4), 100), (b"the end of a long call", 200)):
        see(wire, tcp(NODE, SERVER, (900, 2049), payload, ack=ack))
    see(wire, tcp(SERVER, NODE, (2049, 900), call(5)))
    assert wire.round_trips_by == {(NODE, 2049): 2}


def test_every_block_and_every_file_is_a_round_trip() -> None:
    """TFTP waits after the agreement and each block, HTTP for each file."""
    wire = Dissector()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/pxegrub\0octet\0blksize\x001024\0"))
    see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\6blksize\x001024\0"))
    see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(1024)), asks(b"GET /initrd.img-6.12"))
    assert wire.round_trips_by == {(NODE, 69): 2, (NODE, 80): 1}


ANSWER = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3000\r\n\r\n"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\n"


def asks(line: bytes, *, seq: int = 0, ack: int = 0) -> bytes:
    """A request of NODE for a file."""
    return tcp(NODE, SERVER, (900, 80), line + b" HTTP/1.1\r\nHost: 192.168.0.1\r\n\r\n", seq=seq, ack=ack)


def acknowledges(number: int) -> bytes:
    """NODE has everything before TCP's `number`."""
    return tcp(NODE, SERVER, (900, 80), b"", ack=number % (1 << 32))


@pytest.mark.parametrize("first", [1000, (1 << 32) - 100])
def test_http_transfer_ends_when_the_node_has_it_whole(first: int) -> None:
    """A file is there when the node has acknowledged its last byte, wherever TCP's numbers begin."""
    wire = Dissector()
    reply = tcp(SERVER, NODE, (80, 900), ANSWER + bytes(1000), seq=first)
    rest = tcp(SERVER, NODE, (80, 900), bytes(2000), seq=(first + len(ANSWER) + 1000) % (1 << 32))
    end = first + len(ANSWER) + 3000
    assert see(wire, asks(b"GET //vmlinuz-6.12")) == [(Kind.HTTP_READ, "/vmlinuz-6.12")]
    assert see(wire, reply, acknowledges(first), rest, acknowledges(end - 1)) == []
    assert see(wire, acknowledges(end)) == [(Kind.HTTP_DONE, "/vmlinuz-6.12")]
    assert see(wire, acknowledges(end)) == []
    assert wire.bytes_by == {(NODE, 80): len(reply) + len(rest)}


def test_one_connection_fetches_several_files() -> None:
    """Firmware asks for the header of a file first, which is no transfer, then for the file, all on one connection."""
    wire = Dissector()
    head = [asks(b"HEAD /shimx64.efi"), tcp(SERVER, NODE, (80, 900), ANSWER, seq=0)]
    get = [asks(b"GET /shimx64.efi", ack=len(ANSWER)), tcp(SERVER, NODE, (80, 900), ANSWER, seq=len(ANSWER))]
    assert see(wire, *head) == []
    assert see(wire, *get) == [(Kind.HTTP_READ, "/shimx64.efi")]
    following = asks(b"GET /grubx64.efi", ack=2 * len(ANSWER) + 3000)
    assert see(wire, following) == [(Kind.HTTP_DONE, "/shimx64.efi"), (Kind.HTTP_READ, "/grubx64.efi")]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_http_refusal_names_file_and_reason(method: str) -> None:
    """A file that the server does not give is told with its reason, and is not loaded."""
    wire = Dissector()
    read = [(Kind.HTTP_READ, "/x")] if method == "GET" else []
    assert see(wire, asks(f"{method} /x".encode())) == read
    answer = tcp(SERVER, NODE, (80, 900), MISSING + b"not here\n")
    assert see(wire, answer, acknowledges(1000)) == [(Kind.HTTP_ERROR, "/x: 404 Not Found")]
    assert see(wire, answer, acknowledges(2000)) == []


@pytest.mark.parametrize("cut", range(42, 285, 7))
def test_a_broken_dhcp_message_tells_nothing(cut: int) -> None:
    """A DHCP message that ends before its first option does is passed over."""
    frame = dhcp(1)[:cut]
    assert Dissector().dissect(frame, len(frame), 1.0) == []


@pytest.mark.parametrize("size", [b"abc", b"-5", b"", b"1_0", b"9" * 400])
def test_block_size_that_is_none(size: bytes) -> None:
    """A server that agrees to nonsense is followed with the block of RFC 1350."""
    wire = Dissector()
    see(wire, udp(NODE, SERVER, (2000, 69), b"\0\1/pxegrub\0octet\0"))
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\6blksize\0" + size + b"\0")) == []
    assert see(wire, udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(12))) == [(Kind.TFTP_DONE, "/pxegrub")]


@pytest.mark.parametrize("seed", range(20))
def test_no_frame_ends_the_capture(seed: int) -> None:
    """Frames with bytes changed, cut or appended by chance are read or passed over."""
    drawn, wire = random.Random(seed), Dissector()
    whole = [
        dhcp(1, b"PXEClient"),
        dhcp(5, address=bytes(4), menu=b"(nd)/grub/ssi1"),
        udp(NODE, SERVER, (2000, 69), b"\0\1/initrd\0octet\0blksize\x001024\0"),
        udp(SERVER, NODE, (3000, 2000), b"\0\6blksize\x001024\0"),
        udp(SERVER, NODE, (3000, 2000), b"\0\3\0\1" + bytes(512)),
        udp(SERVER, NODE, (3000, 2000), b"\0\5\0\1no such file\0"),
        tcp(NODE, SERVER, (4000, 80), b"GET /kernel HTTP/1.1\r\n\r\n"),
        tcp(SERVER, NODE, (80, 4000), b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"),
        tcp(NODE, SERVER, (700, 2049), struct.pack("!IIII", 1 << 31 | 12, 1, 0, 2)),
    ]
    for _ in range(2000):
        frame = bytearray(drawn.choice(whole))
        for _ in range(drawn.randrange(6)):
            frame[drawn.randrange(12 if drawn.random() < 0.9 else 0, len(frame))] = drawn.randrange(256)
        cut = bytes(frame[: drawn.randrange(len(frame) + 1)]) if drawn.random() < 0.2 else bytes(frame)
        wire.dissect(cut, drawn.choice((len(frame), 0, 9000)), 1.0)
