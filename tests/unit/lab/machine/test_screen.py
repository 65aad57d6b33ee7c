from __future__ import annotations

import struct
import zlib

import pytest

from builder.errors import NfsrootError
from builder.lab.machine.screen import SIGNATURE, png

PIXELS = bytes(range(18))
PPM = b"P6\n3 2\n255\n" + PIXELS


def chunks(data: bytes) -> dict[bytes, bytes]:
    """A PNG file's chunks by type, their checksums right."""
    at, found = len(SIGNATURE), {}
    while at < len(data):
        (length,) = struct.unpack_from("!I", data, at)
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from("!I", data, at + 8 + length) == (zlib.crc32(kind + content),)
        found[kind] = content
        at += 12 + length
    return found


def test_png_has_the_same_pixels() -> None:
    """Size, colours and order of pixels are the PPM's, in rows without a filter."""
    made = png(PPM)
    assert made.startswith(SIGNATURE)
    parts = chunks(made)
    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack("!IIBBBBB", parts[b"IHDR"]) == (3, 2, 8, 2, 0, 0, 0)
    assert zlib.decompress(parts[b"IDAT"]) == b"\0" + PIXELS[:9] + b"\0" + PIXELS[9:]


@pytest.mark.parametrize("ppm", [b"", PPM[:-1], PPM + b"x", b"P3\n1 1\n255\n0 0 0", b"P6\n1 1\n65535\n000000"])
def test_half_a_picture_is_refused(ppm: bytes) -> None:
    """A picture that is cut off, too long or of another format is an error and not a strange PNG."""
    with pytest.raises(NfsrootError):
        png(ppm)
