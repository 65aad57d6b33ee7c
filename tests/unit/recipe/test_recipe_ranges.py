from __future__ import annotations

import pytest

from builder.recipe.ranges import RangeError, expand


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ssi1", ["ssi1"]),
        ("ssi[1-4]", ["ssi1", "ssi2", "ssi3", "ssi4"]),
        ("ssi[3,1-2]", ["ssi3", "ssi1", "ssi2"]),
        ("b,a", ["b", "a"]),
        ("node[008-010]", ["node008", "node009", "node010"]),
        ("n[8-10]", ["n8", "n9", "n10"]),
        ("n[1-7/3]x", ["n1x", "n4x", "n7x"]),
        ("r[1-2]n[1-2],login", ["r1n1", "r1n2", "r2n1", "r2n2", "login"]),
        ("192.168.[0-1].[101-102]", ["192.168.0.101", "192.168.0.102", "192.168.1.101", "192.168.1.102"]),
    ],
)
def test_expansion_keeps_order_and_zeros(text: str, words: list[str]) -> None:
    """Words come in the order in which they are written, numbers as wide as they are written."""
    assert expand(text) == words


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is no range"),
        ("a b", "'a b' is no range"),
        ("a,,b", "'a,,b' is no range"),
        ("a[1-2", "'a[1-2' is no range"),
        ("a]", "'a]' is no range"),
        ("a[x]", "'a[x]' is no range"),
        ("a[]", "'a[]' is no range"),
        ("a[1,]", "'[1,]' is no range"),
        ("a[3-1]", "'[3-1]' is no range"),
        ("a[1-3/0]", "'[1-3/0]' is no range"),
        ("a[08-3]", "'[08-3]' is no range"),
        ("a[1-65537]", "'[1-65537]' is more than 65536 words"),
        ("a[1-999999999999]", "'[1-999999999999]' is no range"),
        ("a[1-999][1-999]", "'a[1-999][1-999]' is more than 65536 words"),
    ],
)
def test_what_is_no_range(text: str, why: str) -> None:
    """A range that cannot be meant is refused before it fills the memory."""
    with pytest.raises(RangeError) as caught:
        expand(text)
    assert str(caught.value) == why
