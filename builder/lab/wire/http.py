"""Requests and answers of HTTP/1.1 (RFC 9112), parsed from TCP segments."""

from __future__ import annotations

import re
from dataclasses import dataclass

from builder.lab.wire.packet import Packet

_REQUEST = re.compile(rb"(GET|HEAD) (\S+) HTTP/1\.")
_ANSWER = re.compile(rb"HTTP/1\.\d (\d{3}) ?([^\r]*)\r\n(.*?)\r\n\r\n", re.DOTALL)
_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
NUMBERS = 1 << 32
"""The modulus of TCP's sequence numbers."""


@dataclass
class Fetch:
    """A file that a node requests.

    `refusal` is the status of an answer without the file, and empty otherwise.  `end` is TCP's sequence number of the
    byte after the answer, once the answer's header has come.
    """

    method: str
    path: str
    refusal: str = ""
    end: int | None = None

    def record_answer(self, packet: Packet) -> None:
        """Record the answer in a segment from the server, if the segment has the answer's header."""
        found = _ANSWER.match(packet.payload)
        if found is None or self.end is not None:
            return
        status, reason, fields = found.groups()
        if int(status) >= 400:
            self.refusal = f"{status.decode()} {reason.decode(errors='replace')}"
        length = _LENGTH.search(fields)
        body = int(length[1]) if length and self.method == "GET" else 0
        self.end = (packet.sequence + found.end() + body) % NUMBERS

    def is_complete(self, packet: Packet) -> bool:
        """Whether the node acknowledges the last byte of the answer with the segment `packet`."""
        return self.end is not None and (packet.acknowledged - self.end) % NUMBERS < NUMBERS // 2


def parse_request(payload: bytes) -> Fetch | None:
    """Parse the request at the beginning of a segment to the server; None when there is no request."""
    found = _REQUEST.match(payload)
    if found is None:
        return None
    return Fetch(found[1].decode(), "/" + found[2].decode(errors="replace").lstrip("/"))
