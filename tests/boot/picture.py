"""Reads the pixels of PNG files that a browser or QEMU wrote, and makes one (ISO/IEC 15948, section 9)."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

CHANNELS = {2: 3, 6: 4}
"""Bytes of a pixel, of the colour types true colour and true colour with alpha, at 8 bits."""


def one_colour(width: int, height: int, colour: bytes) -> bytes:
    """A PNG file in which each pixel has this colour, three bytes."""
    rows = (b"\0" + colour * width) * height
    header = struct.pack("!IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def colours(png: bytes) -> Counter[str]:
    """How many pixels have each colour, as `#rrggbb`."""
    found: Counter[str] = Counter()
    for row in read_rows(png):
        found.update(row)
    return found


def read_rows(png: bytes) -> Iterator[list[str]]:
    """Each row of a picture from the top, with the colour of each pixel as `#rrggbb`."""
    at, data, width, channels = 8, b"", 0, 0
    while at < len(png):
        length, kind = struct.unpack_from("!I4s", png, at)
        if kind == b"IHDR":
            width, _, bits, colour = struct.unpack_from("!IIBB", png, at + 8)
            assert bits == 8
            channels = CHANNELS[colour]
        elif kind == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    for row in _rows(zlib.decompress(data), width * channels, channels):
        yield ["#" + row[x : x + 3].hex() for x in range(0, len(row), channels)]


def _rows(data: bytes, size: int, channels: int) -> list[bytes]:
    rows, previous = [], bytes(size)
    for start in range(0, len(data), size + 1):
        previous = _unfiltered(data[start], data[start + 1 : start + 1 + size], previous, channels)
        rows.append(previous)
    return rows


def _unfiltered(kind: int, row: bytes, above: bytes, channels: int) -> bytes:
    result = bytearray(row)
    for x, value in enumerate(row):
        left = result[x - channels] if x >= channels else 0
        corner = above[x - channels] if x >= channels else 0
        predicted = (0, left, above[x], (left + above[x]) // 2, _paeth(left, above[x], corner))[kind]
        result[x] = (value + predicted) & 0xFF
    return bytes(result)


def _paeth(left: int, above: int, corner: int) -> int:
    guess = left + above - corner
    return min((left, above, corner), key=lambda value: abs(guess - value))
