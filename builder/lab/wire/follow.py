"""The events on the rack's bridge, read from Ethernet frames: the lab's only evidence before a node's agent answers.

Formats: RFC 2131 and 2132 (DHCP), 1350, 2347 and 2348 (TFTP).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from builder.lab.wire import http, rpc
from builder.lab.wire.packet import TCP, UDP, Packet, decode
from builder.settings.dhcp import MENU_OPTION

DHCP_SERVER, DHCP_CLIENT, TFTP, HTTP, PORTMAP, NFS = 67, 68, 69, 80, 111, 2049
TFTP_READ, TFTP_DATA, TFTP_ERROR, TFTP_OACK = 1, 3, 5, 6
TFTP_BLOCK = 512
VENDOR_CLASS, MESSAGE_TYPE, END, PAD = 60, 53, 255, 0
BOOTP_OPTIONS = 240


class Kind(StrEnum):
    """The kind of an event on the network."""

    DHCP_DISCOVER = "DHCPDISCOVER"
    DHCP_OFFER = "DHCPOFFER"
    DHCP_REQUEST = "DHCPREQUEST"
    DHCP_ACK = "DHCPACK"
    DHCP_NAK = "DHCPNAK"
    DHCP_MENU = "DHCP option 150"
    TFTP_READ = "TFTP read"
    TFTP_DONE = "TFTP done"
    TFTP_ERROR = "TFTP error"
    HTTP_READ = "HTTP read"
    HTTP_DONE = "HTTP done"
    HTTP_ERROR = "HTTP error"
    PORTMAP = "portmap"
    NFS_CONNECTION = "NFS connection"
    NFS = "NFS"


READ = frozenset({Kind.TFTP_READ, Kind.HTTP_READ})
"""The kinds of events in which a node asks for a file."""

DONE = frozenset({Kind.TFTP_DONE, Kind.HTTP_DONE})
"""The kinds of events in which a node has received a whole file."""

DHCP_TYPES = {
    1: Kind.DHCP_DISCOVER,
    2: Kind.DHCP_OFFER,
    3: Kind.DHCP_REQUEST,
    5: Kind.DHCP_ACK,
    6: Kind.DHCP_NAK,
}


@dataclass(frozen=True)
class WireEvent:
    """An event of node `mac` on the network, at `time` (seconds, time.monotonic()); `text` has the details."""

    time: float
    mac: str
    kind: Kind
    text: str = ""

    def __str__(self) -> str:
        return f"{self.mac} {self.kind} {self.text}".rstrip()


@dataclass
class _Transfer:
    path: str
    block: int = TFTP_BLOCK


@dataclass
class Wire:
    """The traffic of every node on the network, which `see` follows frame by frame.

    `bytes_by` counts frames' bytes by node and server port.  `round_trips_by` counts the requests that a node could
    send only after the answer to those before: a block of TFTP, a file over HTTP, calls of NFS that were sent at once.
    """

    bytes_by: Counter[tuple[str, int]] = field(default_factory=Counter)
    round_trips_by: Counter[tuple[str, int]] = field(default_factory=Counter)
    _transfers: dict[tuple[str, int], _Transfer] = field(default_factory=dict)
    _fetches: dict[tuple[str, int], http.Fetch] = field(default_factory=dict)
    _flows: set[tuple[str, int, Kind | None]] = field(default_factory=set)
    _answered: dict[tuple[str, int], int] = field(default_factory=dict)

    def see(self, frame: bytes, size: int, now: float) -> list[WireEvent]:
        """The events that `frame` shows, which is `size` bytes long on the wire and may be cut after its headers."""
        packet = decode(frame, size)
        if packet is None:
            return []
        return [WireEvent(now, mac, kind, text) for mac, kind, text in self._see(packet)]

    def _see(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        if {packet.source, packet.target} == {DHCP_SERVER, DHCP_CLIENT}:
            yield from self._dhcp(packet)
        elif packet.protocol == UDP and packet.target == TFTP:
            yield from self._tftp_request(packet)
        elif packet.protocol == UDP and (packet.target_mac, packet.target) in self._transfers:
            yield from self._tftp_reply(packet)
        elif packet.protocol == TCP and packet.target == HTTP:
            yield from self._http_request(packet)
        elif packet.protocol == TCP and packet.source == HTTP:
            self._http_reply(packet)
        elif packet.target in (PORTMAP, NFS):
            yield from self._rpc(packet)
        elif packet.source == NFS:
            self.bytes_by[packet.target_mac, NFS] += packet.size

    def _dhcp(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        for mac, kind, text in dhcp(packet.payload):
            if kind is Kind.DHCP_DISCOVER:  # The node boots again, and may use the ports of its last boot.
                self._flows = {flow for flow in self._flows if flow[0] != mac}
            yield mac, kind, text

    def _tftp_request(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        if int.from_bytes(packet.payload[:2], "big") == TFTP_READ:
            path = packet.payload[2:].split(b"\0", 1)[0].decode(errors="replace")
            self._transfers[packet.source_mac, packet.source] = _Transfer(path)
            yield packet.source_mac, Kind.TFTP_READ, path

    def _tftp_reply(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        key = (packet.target_mac, packet.target)
        transfer = self._transfers[key]
        self.bytes_by[packet.target_mac, TFTP] += packet.size
        self.round_trips_by[packet.target_mac, TFTP] += 1
        operation = int.from_bytes(packet.payload[:2], "big")
        if operation == TFTP_OACK:
            words = packet.payload[2:].lower().split(b"\0")
            size = dict(zip(words[::2], words[1::2], strict=False)).get(b"blksize", b"")
            # The answer may be nonsense; then the block's size stays as it was.
            transfer.block = int(size) if re.fullmatch(rb"[0-9]{1,5}", size) else transfer.block
        elif operation == TFTP_DATA and packet.payload_size - 4 < transfer.block:
            del self._transfers[key]
            yield packet.target_mac, Kind.TFTP_DONE, transfer.path
        elif operation == TFTP_ERROR:
            del self._transfers[key]
            reason = packet.payload[4:].split(b"\0", 1)[0].decode(errors="replace")
            yield packet.target_mac, Kind.TFTP_ERROR, f"{transfer.path}: {reason}"

    def _http_request(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        key = (packet.source_mac, packet.source)
        fetch = self._fetches.get(key)
        if fetch and fetch.arrived(packet):
            del self._fetches[key]
            if fetch.refusal:
                yield packet.source_mac, Kind.HTTP_ERROR, f"{fetch.path}: {fetch.refusal}"
            elif fetch.method == "GET":
                yield packet.source_mac, Kind.HTTP_DONE, fetch.path
        if asked := http.request(packet.payload):
            self._fetches[key] = asked
            self.round_trips_by[packet.source_mac, HTTP] += 1
            if asked.method == "GET":
                yield packet.source_mac, Kind.HTTP_READ, asked.path

    def _http_reply(self, packet: Packet) -> None:
        self.bytes_by[packet.target_mac, HTTP] += packet.size
        if fetch := self._fetches.get((packet.target_mac, packet.target)):
            fetch.answered(packet)

    def _rpc(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        """The events of NFS connections and RPC calls.

        A reset is none of them: firmware resets connections that the system before it left open.
        """
        if packet.target == NFS:
            self.bytes_by[packet.source_mac, NFS] += packet.size
            self._count_calls(packet)
        kind = None
        if packet.payload_size:
            kind = Kind.NFS if packet.target == NFS else Kind.PORTMAP
        elif packet.target == NFS and packet.opens:
            kind = Kind.NFS_CONNECTION
        flow = (packet.source_mac, packet.source, kind)
        if kind and flow not in self._flows:
            self._flows.add(flow)
            yield packet.source_mac, kind, ""

    def _count_calls(self, packet: Packet) -> None:
        """Count a round trip, once for all calls that were sent at once: such calls acknowledge the same byte."""
        flow = (packet.source_mac, packet.source)
        if any(rpc.calls(packet.payload)) and self._answered.get(flow) != packet.acknowledged:
            self._answered[flow] = packet.acknowledged
            self.round_trips_by[packet.source_mac, NFS] += 1


def dhcp(message: bytes) -> Iterator[tuple[str, Kind, str]]:
    """The node, kind and vendor class (of a request) or address (of a reply) of a DHCP message.

    An acknowledgement that names a menu gives a second event, with the menu.
    """
    if len(message) < BOOTP_OPTIONS:
        return
    options = dict(_options(message[BOOTP_OPTIONS:]))
    kind = DHCP_TYPES.get(int.from_bytes(options.get(MESSAGE_TYPE, b"\0"), "big"))
    if kind is None:
        return
    mac = message[28:34].hex(":")
    if kind in (Kind.DHCP_DISCOVER, Kind.DHCP_REQUEST):
        yield mac, kind, options.get(VENDOR_CLASS, b"").decode(errors="replace")
    else:
        yield mac, kind, ".".join(map(str, message[16:20]))
    if kind is Kind.DHCP_ACK and MENU_OPTION in options:
        yield mac, Kind.DHCP_MENU, options[MENU_OPTION].decode(errors="replace")


def _options(field: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(field) and field[at] != END:
        if field[at] == PAD:
            at += 1
            continue
        yield field[at], field[at + 2 : at + 2 + field[at + 1]]
        at += 2 + field[at + 1]
