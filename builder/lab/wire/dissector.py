"""The dissector of frames on the rack's network, by which the lab follows a boot until the node's agent answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from builder.lab.wire import http, rpc, tftp
from builder.lab.wire.dhcp import parse_dhcp
from builder.lab.wire.event import Kind, WireEvent
from builder.lab.wire.packet import TCP, UDP, Packet, parse_frame
from builder.lab.wire.ports import DHCP_CLIENT, DHCP_SERVER, HTTP, NFS, PORTMAP, TFTP


@dataclass
class Dissector:
    """A dissector that follows the connections and transfers of every node, frame by frame.

    `bytes_by` counts the bytes of frames by node and server port.  `round_trips_by` counts requests that a node sent
    after the answer to the one before: a block of TFTP, a file over HTTP, calls of NFS that were sent together.
    """

    bytes_by: Counter[tuple[str, int]] = field(default_factory=Counter)
    round_trips_by: Counter[tuple[str, int]] = field(default_factory=Counter)
    _transfers: dict[tuple[str, int], tftp.Transfer] = field(default_factory=dict)
    _fetches: dict[tuple[str, int], http.Fetch] = field(default_factory=dict)
    _flows: set[tuple[str, int, Kind | None]] = field(default_factory=set)
    _answered: dict[tuple[str, int], int] = field(default_factory=dict)

    def dissect(self, frame: bytes, size: int, now: float) -> list[WireEvent]:
        """List the events that `frame` shows; it had `size` bytes on the wire, and may be cut after its headers."""
        packet = parse_frame(frame, size)
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
        for mac, kind, text in parse_dhcp(packet.payload):
            if kind is Kind.DHCP_DISCOVER:  # The node boots again, and may use the ports of its last boot.
                self._flows = {flow for flow in self._flows if flow[0] != mac}
            yield mac, kind, text

    def _tftp_request(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        if transfer := tftp.parse_request(packet.payload):
            self._transfers[packet.source_mac, packet.source] = transfer
            yield packet.source_mac, Kind.TFTP_READ, transfer.path

    def _tftp_reply(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        key = (packet.target_mac, packet.target)
        self.bytes_by[packet.target_mac, TFTP] += packet.size
        self.round_trips_by[packet.target_mac, TFTP] += 1
        if ended := self._transfers[key].receive(packet):
            del self._transfers[key]
            yield packet.target_mac, *ended

    def _http_request(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        key = (packet.source_mac, packet.source)
        fetch = self._fetches.get(key)
        if fetch and fetch.is_complete(packet):
            del self._fetches[key]
            if fetch.refusal:
                yield packet.source_mac, Kind.HTTP_ERROR, f"{fetch.path}: {fetch.refusal}"
            elif fetch.method == "GET":
                yield packet.source_mac, Kind.HTTP_DONE, fetch.path
        if asked := http.parse_request(packet.payload):
            self._fetches[key] = asked
            self.round_trips_by[packet.source_mac, HTTP] += 1
            if asked.method == "GET":
                yield packet.source_mac, Kind.HTTP_READ, asked.path

    def _http_reply(self, packet: Packet) -> None:
        self.bytes_by[packet.target_mac, HTTP] += packet.size
        if fetch := self._fetches.get((packet.target_mac, packet.target)):
            fetch.record_answer(packet)

    def _rpc(self, packet: Packet) -> Iterator[tuple[str, Kind, str]]:
        """Yield the events of NFS connections and RPC calls.

        A reset is no event: firmware resets connections that the system before it left open.
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
        """Count a round trip for a call, unless the call was sent together with one that was counted.

        Calls that are sent together acknowledge the same byte.
        """
        flow = (packet.source_mac, packet.source)
        if any(rpc.find_calls(packet.payload)) and self._answered.get(flow) != packet.acknowledged:
            self._answered[flow] = packet.acknowledged
            self.round_trips_by[packet.source_mac, NFS] += 1
