"""Groups the pieces of a root tarball into the layers of its image."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Hashable, Sequence

from builder.store.image.pieces import Piece

MOST = 120
"""The most layers of an image: overlay mounts of docker and podman take 127 (moby, "max depth exceeded")."""
SMALL = 128 << 10
"""The size in bytes from which on a piece is a layer of its own; more where a tree has too many large packages."""
GROUPS = 16
"""The number of layers of small packages."""


def choose(pieces: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """The pieces of each layer, from the lowest layer to the uppermost one.

    A large piece is a layer, so that the layer and the part in the store are the same blob.  Small packages are joined
    by a digest of their names, so that an update of a package changes one layer, and a new package moves no other one.
    Small pieces without a package (settings, the overlay, the modes of directories) are a layer that is expected to
    change.
    """
    small = SMALL
    while len(groups := _group(pieces, small)) > MOST:
        small *= 2
    return groups


def _group(pieces: Sequence[Piece], small: int) -> list[tuple[Piece, ...]]:
    """The pieces of each layer, in the order of the layers' last pieces: directories come last and are uppermost."""
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        if piece.size >= small:
            groups[number, "alone"].append(number)
        else:
            groups[zlib.crc32(piece.package.encode()) % GROUPS if piece.package else ""].append(number)
    ordered = sorted(groups.values(), key=lambda numbers: numbers[-1])
    return [tuple(pieces[number] for number in numbers) for numbers in ordered]
