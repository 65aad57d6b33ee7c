"""A file's way over HTTP/1.1 (RFC 9112), as far as segments of TCP show it: who asks for what, and when it is there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.lab.packet import Packet

_REQUEST = re.compile(rb"(GET|HEAD) (\S+) HTTP/1\.")
_ANSWER = re.compile(rb"HTTP/1\.\d (\d{3}) ?([^\r]*)\r\n(.*?)\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
NUMBERS = 1 << 32
"""TCP counts bytes modulo this."""


@dataclass
class Fetch:
    """A request, and what came of it: `end` is TCP's number of the byte after the answer's last one, once known."""

    method: str
    path: str
    refusal: str = ""
    end: int | None = None

    def answered(self, packet: Packet) -> None:
        """Take note of a segment from the server; only one with the answer's header tells anything."""
        found = _ANSWER.match(packet.payload)
        if found is None or self.end is not None:
            return
        status, reason, fields = found.groups()
        if int(status) >= 400:
            self.refusal = f"{status.decode()} {reason.decode(errors='replace')}"
        length = _LENGTH.search(fields)
        body = int(length[1]) if length and self.method == "GET" else 0
        self.end = (packet.sequence + found.end() + body) % NUMBERS

    def arrived(self, packet: Packet) -> bool:
        """Whether the node has the whole answer when it sends this segment."""
        return self.end is not None and (packet.acknowledged - self.end) % NUMBERS < NUMBERS // 2


def request(payload: bytes) -> Fetch | None:
    """The request that a segment to the server begins with, if one does; a path has one slash at its beginning."""
    found = _REQUEST.match(payload)
    if found is None:
        return None
    return Fetch(found[1].decode(), "/" + found[2].decode(errors="replace").lstrip("/"))
