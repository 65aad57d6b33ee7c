"""What a node asks its servers for while it boots, so that many simulated nodes can ask for the same."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from builder.lab.wire import http, rpc
from builder.lab.wire.capture import RECEIVE_BUFFER, SO_RCVBUFFORCE
from builder.lab.wire.packet import TCP, UDP, Packet, parse_frame
from builder.lab.wire.ports import HTTP, NFS, TFTP
from builder.lab.wire.tftp import BLOCK, READ_REQUEST

SNAP = 65536
PROGRAM, V3 = 100003, 3
READING = frozenset({0, 1, 3, 4, 5, 6, 16, 17, 18, 19, 20})
"""Procedures of NFSv3 that change nothing on the server (RFC 1813, section 3.3)."""


@dataclass
class Recording:
    """Files by TFTP with their block sizes, files by HTTP, and calls of NFSv3: those of one entry were sent at once."""

    tftp: list[tuple[str, int]] = field(default_factory=list)
    http: list[str] = field(default_factory=list)
    nfs: list[list[bytes]] = field(default_factory=list)
    _acknowledged: dict[int, int] = field(default_factory=dict)
    _seen: set[tuple[int, int, bytes]] = field(default_factory=set)

    def see(self, packet: Packet) -> None:
        """Take down what a node asks; calls that write are left out, and so is NFSv4, which has no calls to repeat.

        What is sent again counts once; so does what a socket at `lo` hears when it leaves and when it arrives.
        """
        once = (packet.source, packet.sequence, packet.payload)
        if packet.target not in (TFTP, HTTP, NFS) or once in self._seen:
            return
        self._seen.add(once)
        if packet.protocol == UDP and packet.target == TFTP and packet.payload[:2] == READ_REQUEST.to_bytes(2, "big"):
            words = packet.payload[2:].split(b"\0")
            options = dict(zip(words[2::2], words[3::2], strict=False))
            self.tftp.append((words[0].decode(), int(options.get(b"blksize", BLOCK))))
        elif packet.protocol == TCP and packet.target == HTTP:
            asked = http.parse_request(packet.payload)
            self.http += [asked.path] if asked and asked.method == "GET" else []
        elif packet.protocol == TCP and packet.target == NFS:
            self._see_nfs(packet, [call for call in rpc.find_calls(packet.payload) if reads(call)])

    def _see_nfs(self, packet: Packet, calls: list[bytes]) -> None:
        if calls and self._acknowledged.get(packet.source) == packet.acknowledged:
            self.nfs[-1] += calls
        elif calls:
            self.nfs.append(calls)
            self._acknowledged[packet.source] = packet.acknowledged

    def text(self) -> str:
        """As JSON, for `replay.py`."""
        calls = [[base64.b64encode(call).decode() for call in at_once] for at_once in self.nfs]
        return json.dumps({"tftp": self.tftp, "http": self.http, "nfs": calls})


def reads(call: bytes) -> bool:
    """Whether this is a whole call of NFSv3 that only reads."""
    if len(call) < 28:
        return False
    mark, _, _, _, program, version, procedure = struct.unpack_from("!7I", call)
    whole = len(call) == 4 + (mark & ~rpc.LAST_FRAGMENT)
    return whole and (program, version) == (PROGRAM, V3) and procedure in READING


@contextmanager
def recording(port: socket.socket) -> Iterator[Recording]:
    """What goes by at a packet socket (packet(7)) while the block runs, and after it until there is silence."""
    port.settimeout(0.2)
    port.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    taken, stop = Recording(), threading.Event()

    def listen() -> None:
        while True:
            try:
                frame = port.recv(SNAP)
            except TimeoutError:  # Silence: whatever went by is taken down.
                if stop.is_set():
                    return
                continue
            if packet := parse_frame(frame, len(frame)):
                taken.see(packet)

    thread = threading.Thread(target=listen, name="recording")
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()
        port.close()
