"""Decompresses the content of zstd frames, in pieces."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from builder.store.storage.interface import PIECE

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["ZstdError", "decompress"]


def decompress(compressed: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of zstd frames in pieces of at most 1 MiB.

    :raises ZstdError: the bytes are no whole zstd frames.
    """
    frame = ZstdDecompressor()
    begun = False
    for data in compressed:
        left = data
        while left or (begun and not frame.needs_input):
            begun = True
            if piece := frame.decompress(left, max_length=PIECE):
                yield piece
            left = b""
            if frame.eof:
                left, frame, begun = frame.unused_data, ZstdDecompressor(), False
    if begun:
        raise ZstdError("the last frame has no end")
