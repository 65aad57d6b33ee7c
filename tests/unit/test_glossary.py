"""One word for each thing: documentation, messages and docstrings use the words of the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

CHECKOUT = Path(__file__).parents[2]
GLOSSARY = CHECKOUT / "docs/reference/glossary.md"
RECORDS = CHECKOUT / "docs/adr"
"""Decisions of their time, in the words of their time."""

RIGHT = {
    "loader": r"boot\s+loaders?|phase loader|loader(?='s phase|: shim)|\| loader(?= \|)|dynamic loader|template loader",
}
"""Regular expressions of what is right although it has a word that the glossary rules out."""


class Row(NamedTuple):
    """A word of the glossary, its meaning, and the words that are not used for the same thing."""

    word: str
    meaning: str
    ruled_out: tuple[str, ...]


def rows() -> list[Row]:
    """The rows of the glossary's table."""
    table = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \|(?: ([^|]+))? \|$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [Row(word, meaning, tuple(filter(None, others.split(", ")))) for word, meaning, others in table[1:]]


RULED_OUT = {other: row.word for row in rows() for other in row.ruled_out}


def prose(markdown: str) -> str:
    """The text of a page without commands, file names and other code; each line keeps its number."""
    lines, fenced = [], False
    for line in markdown.splitlines():
        fenced ^= line.lstrip().startswith("```")
        lines.append("" if fenced or line.startswith("    ") else line)
    return without_code("\n".join(lines))


def without_code(text: str) -> str:
    """The text without what stands between backticks and without the targets of links."""
    return blank(r"`[^`]*`|\]\([^)]*\)", text)


def blank(pattern: str, text: str) -> str:
    """The text with a sign in place of each match, and the line ends in it."""
    return re.sub(pattern, lambda match: "`" + "\n" * match.group().count("\n"), text, flags=re.IGNORECASE)


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yield the messages and docstrings of a module with their lines: its strings of several words, without code.

    Strings that begin with a line end are lists of names.
    """
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if " " in node.value.strip() and not node.value.startswith("\n"):
            yield node.lineno, without_code(node.value)


def wrong_words(text: str) -> Iterator[tuple[int, str]]:
    """Yield the ruled-out words in a text, each with the number of line ends before it."""
    for word in RULED_OUT:
        left = blank(RIGHT[word], text) if word in RIGHT else text
        words = re.escape(word).replace("\\ ", r"\s+")
        for match in re.finditer(rf"(?<![\w.-]){words}s?(?![\w-]|\.\w)", left, re.IGNORECASE):
            yield left.count("\n", 0, match.start()), word


def pages() -> list[Path]:
    """Every page of the documentation but the glossary and the decisions."""
    top = [CHECKOUT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    found = [*top, *(CHECKOUT / "docs").rglob("*.md")]
    return sorted(file for file in found if file != GLOSSARY and RECORDS not in file.parents)


def other_texts() -> list[Path]:
    """Shipped recipes, what elements say of themselves, and the README of the server bundle."""
    patterns = (
        "recipes/**/*.toml",
        "elements/*/element.toml",
        "elements/*/README*",
        "builder/server/templates/README.j2",
    )
    return sorted(file for pattern in patterns for file in CHECKOUT.glob(pattern))


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted((CHECKOUT / "builder").rglob("*.py"))


def faults(files: list[Path]) -> list[str]:
    """A line for each ruled-out word in the files, with its place and the right word."""
    found = []
    for file in files:
        text = file.read_text(encoding="utf-8")
        whole = prose(text) if file.suffix == ".md" else without_code(text)
        for line, part in sentences(text) if file.suffix == ".py" else [(1, whole)]:
            for after, word in wrong_words(part):
                place = f"{file.relative_to(CHECKOUT)}:{line + after}"
                found.append(f"{place}: {word!r}; write {RULED_OUT[word]!r}")
    return found


def test_each_word_stands_once() -> None:
    """The words are in alphabetical order, none twice, and none is ruled out in another row."""
    words = [row.word for row in rows()]
    assert len(words) > 40
    assert all(one.lower() < other.lower() for one, other in pairwise(words))
    assert not RULED_OUT.keys() & set(words)
    assert sum(len(row.ruled_out) for row in rows()) == len(RULED_OUT)


def test_meanings_are_short() -> None:
    """A meaning is one to three sentences, each with its full stop."""
    for row in rows():
        assert row.meaning.endswith("."), row
        assert len(re.findall(r"\.(?= |$)", row.meaning)) <= 3, row


@pytest.mark.parametrize("file", pages(), ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_documentation_uses_the_words(file: Path) -> None:
    """No page has a word that the glossary rules out."""
    assert faults([file]) == []


def test_recipes_and_elements_use_the_words() -> None:
    """No recipe, no element and no server bundle has a word that the glossary rules out."""
    assert len(other_texts()) > 10
    assert faults(other_texts()) == []


def test_messages_and_docstrings_use_the_words() -> None:
    """No message and no docstring has a word that the glossary rules out."""
    assert faults(modules()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The initrd is made of the tree.", ["initrd"]),
        ("A boot loader and Loaders.", ["loader"]),
        ("GRUB's command `initrd` loads initrd.img-6.12.", []),
        ("The boot\nloaders of a cell, and a root\narchive", ["root archive", "cell"]),
    ],
)
def test_ruled_out_words_are_found(text: str, words: list[str]) -> None:
    """A ruled-out word is found in any case and number, and not in a file's name or in code."""
    assert [word for _, word in wrong_words(prose(text))] == words


def test_index_links_the_glossary() -> None:
    """The list of documentation in the README has the glossary."""
    assert "](docs/reference/glossary.md)" in (CHECKOUT / "README.md").read_text(encoding="utf-8")
