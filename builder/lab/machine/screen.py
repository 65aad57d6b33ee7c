"""A node's screen as PNG, from the PPM that QEMU dumps (ppm(5); PNG specification, ISO/IEC 15948)."""

from __future__ import annotations

import re
import struct
import zlib

from builder.errors import NfsrootError

_HEADER = re.compile(rb"P6\s+(\d+)\s+(\d+)\s+255\s")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
BITS, TRUE_COLOUR = 8, 2
NO_FILTER = b"\0"


def png(ppm: bytes) -> bytes:
    """The PNG file of a picture in PPM, without loss.

    :raises NfsrootError: `ppm` is not a whole binary PPM with 255 as its greatest value.
    """
    header = _HEADER.match(ppm)
    if header is None:
        raise NfsrootError("QEMU's picture of the screen is no PPM")
    width, height = int(header[1]), int(header[2])
    pixels, row = ppm[header.end() :], 3 * width
    if len(pixels) != row * height:
        raise NfsrootError("QEMU's picture of the screen is not whole")
    rows = b"".join(NO_FILTER + pixels[start : start + row] for start in range(0, len(pixels), row))
    description = struct.pack("!IIBBBBB", width, height, BITS, TRUE_COLOUR, 0, 0, 0)
    return SIGNATURE + _chunk(b"IHDR", description) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))
