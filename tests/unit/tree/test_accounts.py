"""The rule that gives system accounts their numbers."""

from __future__ import annotations

from itertools import pairwise

import accounts
import pytest
from accounts import DYNAMIC, HASHED, TABLE, ClashError, Rule

LINES = [line.split() for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]


def test_table_counts_on() -> None:
    """Each name of the table stands once, with the next number, below those that follow from names."""
    numbers = [int(number) for number, _ in LINES]
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert numbers[0] in DYNAMIC and numbers[-1] < HASHED[0]
    assert len({name for _, name in LINES}) == len(LINES)


def test_numbers_never_change() -> None:
    """Numbers that releases in the field have: state on servers belongs to them."""
    table = accounts.table(TABLE.read_text("utf-8"))
    rule = Rule({}, table)
    known = {"systemd-journal": 101, "_chrony": 121, "munge": 135, "slurm": 146, "postfix": 183, "lirc": 524}
    assert {name: rule.number(name, 999) for name in known} == known
    assert rule.number("_of-a-site", 150) == 751


def test_recipe_comes_before_the_table() -> None:
    """What the recipe says counts, for numbers outside of Debian's range too."""
    rule = Rule(accounts.chosen("slurm=64030 munge=900"), {"slurm": 140})
    assert [rule.number("slurm", 64000), rule.number("munge", 998)] == [64030, 900]


def test_others_stay() -> None:
    """Debian's base, the group `users`, persons and the upper ranges keep their numbers."""
    rule = Rule({}, {"www-data": 300})
    kept = {"www-data": 33, "users": 100, "ann": 1000, "nobody": 65534}
    assert {name: rule.number(name, number) for name, number in kept.items()} == kept


def test_clash_names_both() -> None:
    """Two accounts that would get one number are refused, both by name."""
    with pytest.raises(ClashError, match="the users chrony and munge would both have the number 500"):
        accounts.numbers(
            [["munge", "x", "998"], ["chrony", "x", "997"]][::-1], Rule({"munge": 500, "chrony": 500}, {}), "users"
        )


def test_second_name_of_an_account() -> None:
    """Two names that a hook gave to one number are one account: the first one's number is both's."""
    rule = Rule({}, {"one": 200, "two": 201})
    assert accounts.numbers([["one", "x", "900"], ["two", "x", "900"]], rule, "users") == {900: 200}
