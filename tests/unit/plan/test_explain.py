"""Why a step runs, in words that a person can act on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.plan.explain import LONGEST, explain

DIGEST, OTHER = "0" * 64, "1" * 64


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ({"packages": ["nano"]}, {"packages": ["nano", "vim"]}, "packages: + vim"),
        ({"packages": ["nano", "vim"]}, {"packages": ["less", "vim"]}, "packages: + less, - nano"),
        ({"packages": ["a", "b"]}, {"packages": ["b", "a"]}, "packages: in another order"),
        ({"source_date": 1}, {"source_date": 2}, "source_date: 1 -> 2"),
        ({"debian": {"mirror": None}}, {"debian": {"mirror": "x"}}, "debian.mirror: nothing -> x"),
        ({"kerrighed": {"session_id": 1}}, {"kerrighed": None}, "kerrighed: {'session_id': 1} -> nothing"),
        ({"a": 1}, {"b": 1}, "a: 1 -> absent; b: absent -> 1"),
        ({"code": DIGEST}, {"code": OTHER}, "code changed"),
        ({"elements": {"nfsroot": DIGEST}}, {"elements": {"nfsroot": OTHER}}, "elements.nfsroot changed"),
        ({"elements": {}}, {"elements": {"kerrighed": OTHER}}, "elements.kerrighed changed"),
        ({"code": DIGEST}, {"code": {"server": OTHER}}, "code changed"),
        ({"hash": f"sha256:{DIGEST}"}, {"hash": f"sha256:{OTHER}"}, "hash changed"),
        ({"modules": "nfsv3\ntg3\n"}, {"modules": "nfsv3\nigb\n"}, "modules: + igb, - tg3"),
        (
            {"nodes": [{"name": "ssi1", "mac": "a"}, {"name": "ssi2", "mac": "b"}]},
            {"nodes": [{"name": "ssi1", "mac": "c"}, {"name": "ssi3", "mac": "b"}]},
            "nodes: + ssi3, - ssi2, ssi1 changed",
        ),
    ],
)
def test_words(before: dict[str, Any], now: dict[str, Any], words: str) -> None:
    """Each kind of difference has its words: items added and removed, values, digests, lines of a file."""
    assert explain(before, now) == words


def test_few_differences_are_shown_of_many() -> None:
    """More than three differences are counted."""
    before, now = ({str(n): n + plus for n in range(5)} for plus in (0, 10))
    assert explain(before, now) == "0: 0 -> 10; 1: 1 -> 11; 2: 2 -> 12; and 2 more"


def test_few_items_are_shown_of_many() -> None:
    """A hundred new nodes do not fill the screen."""
    nodes = [{"name": f"node{n:03}"} for n in range(100)]
    assert explain({"nodes": []}, {"nodes": nodes}) == "nodes: + node000, + node001, + node002 and 97 more"


def test_long_values_are_cut() -> None:
    """A long value is shown by its beginning."""
    assert explain({"a": 1}, {"a": "xy" * 50}) == f"a: 1 -> {('xy' * 50)[:LONGEST]}..."


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab\n"),
    lambda children: st.lists(children) | st.dictionaries(st.text("ab"), children),
    max_leaves=8,
)


@given(JSON, JSON)
def test_difference_has_words_and_nothing_has_none(before: Any, now: Any) -> None:
    """There are words exactly when something differs, for any two values, on one line."""
    assert bool(explain(before, now)) == (before != now)
    assert explain(before, before) == ""
    assert len(explain(before, now).splitlines()) <= 1
