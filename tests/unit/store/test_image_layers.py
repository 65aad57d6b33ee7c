"""Which pieces of a root tarball are a layer together."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from builder.release.manifest import Part
from builder.store.image.layers import GROUPS, MOST, SMALL, choose
from builder.store.image.pieces import Piece, Slice


def piece(package: str, size: int, version: int = 1) -> Piece:
    """A piece of one part, whose digest is another one in another version."""
    digest = random.Random(f"{package} {size} {version}").randbytes(32).hex()
    return Piece((Slice(Part(sha256=digest, size=size), 0, digest),), package)


def tree(packages: int, seed: int = 1) -> list[Piece]:
    """Packages of sizes as Debian's are, and behind them what is in no package."""
    drawn = random.Random(seed)
    sizes = [int(drawn.lognormvariate(11.5, 1.8)) + 100 for _ in range(packages)]
    return [
        *(piece(f"package{number}", size) for number, size in enumerate(sizes)),
        piece("", SMALL * 3),
        piece("", 900),
    ]


def new(before: Sequence[Piece], after: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """The layers of a tree that the tree before does not have."""
    known = set(choose(before))
    return [layer for layer in choose(after) if layer not in known]


@pytest.mark.parametrize("packages", [0, 1, 20, 170, 400, 3000])
def test_layers_of_trees(packages: int) -> None:
    """Trees of any size have no more layers than docker can mount, and each piece is in one of them, in its order."""
    pieces = tree(packages)
    layers = choose(pieces)
    assert 2 <= len(layers) <= MOST
    assert sorted(map(id, pieces)) == sorted(id(each) for layer in layers for each in layer)
    assert all(list(layer) == sorted(layer, key=pieces.index) for layer in layers)
    assert layers[-1][-1] is pieces[-1]


def test_many_large_pieces_without_a_package() -> None:
    """Pieces of no package are joined, too, when there are more than layers."""
    assert len(choose([piece("", SMALL * 10, number) for number in range(1000)])) <= MOST


def test_large_pieces_stand_alone() -> None:
    """A piece of 128 KiB is a layer, so that the part of the store is the image's layer."""
    pieces = tree(100)
    alone = {layer[0] for layer in choose(pieces) if len(layer) == 1}
    assert {each for each in pieces if each.size >= SMALL} <= alone


def test_a_package_that_changes() -> None:
    """A package that changes makes one layer new, and so does a package that is added or removed."""
    pieces = tree(150)
    small = min(pieces[:150], key=lambda each: each.size)
    at = pieces.index(small)
    changed = [*pieces[:at], piece(small.package, small.size, 2), *pieces[at + 1 :]]
    assert len(new(pieces, changed)) == 1
    assert len(new(pieces, [*pieces[:at], piece("another", 5000), *pieces[at:]])) == 1
    assert len(new(pieces, [*pieces[:at], *pieces[at + 1 :]])) <= 1


def test_small_packages_are_spread() -> None:
    """Small packages go to all layers for them."""
    layers = choose([piece(f"package{number}", 1000) for number in range(2000)])
    assert len(layers) == GROUPS
    assert min(map(len, layers)) > 2000 / GROUPS / 2
