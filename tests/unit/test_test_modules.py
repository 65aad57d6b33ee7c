"""Modules of the tests have names of their own, since pytest imports all of them into one run by name."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
FILES = sorted(TESTS.rglob("*.py"))


def test_names_are_used_once() -> None:
    """No two modules have one name but for conftest.py, which pytest finds by its folder."""
    names = Counter(file.name for file in FILES if file.name != "conftest.py")
    assert {name: times for name, times in names.items() if times > 1} == {}


def test_nobody_imports_conftest() -> None:
    """Each folder may have a conftest.py, so that the name says nothing about which one is meant."""
    pattern = re.compile(r"^\s*(from|import) conftest\b", re.MULTILINE)
    assert [str(file.relative_to(TESTS)) for file in FILES if pattern.search(file.read_text(encoding="utf-8"))] == []
