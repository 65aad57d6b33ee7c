"""Ranges of names and addresses in ClusterShell's form: `node[001-100,200]`, `192.168.0.[101-104]`.

ClusterShell's NodeSet sorts its words.  Here they keep the order of the file, which tells which name, address and MAC
address belong together.  So ClusterShell expands only the ranges inside brackets.
"""

from __future__ import annotations

import itertools
import math
import re

from ClusterShell.RangeSet import RangeSet, RangeSetParseError

MOST_WORDS = 65_536
"""The greatest number of words in a range, that of addresses in a /16; a larger range is a typing error."""

_WORD = r"(?:[^\s,\[\]]|\[[0-9,/-]+\])+"
_WORDS = re.compile(rf"{_WORD}(?:,{_WORD})*")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9})(?:/[0-9]{1,9})?)?")


class RangeError(ValueError):
    """A range that cannot be expanded; its text says why."""


def expand(text: str) -> list[str]:
    """All words of `text` in the order in which they are written; `[001-100]` keeps its zeros."""
    if not _WORDS.fullmatch(text):
        raise RangeError(f"{text!r} is no range")
    return list(itertools.chain.from_iterable(map(_expand_word, re.split(r",(?![^\[]*\])", text))))


def _expand_word(word: str) -> list[str]:
    parts = re.split(r"\[(.*?)\]", word)  # every second one stood in brackets
    choices = [_numbers(part) if index % 2 else [part] for index, part in enumerate(parts)]
    if math.prod(map(len, choices)) > MOST_WORDS:
        raise RangeError(f"{word!r} is more than {MOST_WORDS} words")
    return ["".join(combination) for combination in itertools.product(*choices)]


def _numbers(ranges: str) -> list[str]:
    numbers: list[str] = []
    for text in ranges.split(","):
        match = _RANGE.fullmatch(text)
        if not match:
            raise RangeError(f"'[{ranges}]' is no range")
        first, last = match.groups()
        if last and int(last) - int(first) >= MOST_WORDS:
            raise RangeError(f"'[{ranges}]' is more than {MOST_WORDS} words")
        try:
            numbers += RangeSet(text)
        except RangeSetParseError as error:
            raise RangeError(f"'[{ranges}]' is no range") from error
    return numbers
