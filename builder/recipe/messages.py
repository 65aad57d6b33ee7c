"""Words for messages about mistakes in the user's files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from builder.recipe.place import Place


class Word(NamedTuple):
    """A word in a file of the user, and its place."""

    text: str
    place: Place


def suggest(word: str, known: Iterable[str], kind: str) -> str:
    """A fix that names the known word nearest to `word`; without a near one, the `known` words of this `kind`."""
    choice = sorted(known)
    near = get_close_matches(word, choice, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    more = f" and {len(choice) - 12} more" if len(choice) > 12 else ""
    return f"known {kind}: {', '.join(choice[:12])}{more}" if choice else f"there are no {kind}"


def name_type(value: object) -> str:
    """The type of a TOML value in words, for a sentence such as "must be a string, not a list"."""
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a fraction"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def quote_some(texts: Sequence[str]) -> str:
    """The first three of `texts` in quotes, and the number of the others."""
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(map(repr, texts[:3])) + more
