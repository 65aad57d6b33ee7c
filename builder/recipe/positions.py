"""The places of all keys and values of a TOML file.

tomli reads the values but keeps no positions.  `scan` walks a text that tomli has already accepted, so it only needs to
find where keys and values start, and never checks them.  Grammar: https://toml.io/en/v1.1.0.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from pathlib import Path
from typing import NamedTuple

import tomli

from builder.recipe.place import Place

KeyPath = tuple[str | int, ...]
"""The keys and array indices that lead from the top of a file to a value: `("nodes", 0, "names")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""")
_SCALAR = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}'''
    r"""|'{3}.*?'{3,5}"""
    r"""|"(?:[^"\\]|\\.)*"|'[^']*'"""
    r"""|[0-9]{4}-[0-9]{2}-[0-9]{2}\ [0-9:.+Zz-]+|[^\s,\]}#]+""",
    re.DOTALL,
)


class Mark(NamedTuple):
    """The places where a key and its value start.  An array's element has no key: both are its value's place."""

    key: Place
    value: Place


def scan(text: str, file: Path) -> dict[KeyPath, Mark]:
    """The marks of every key path in `text`, a TOML text that tomli accepts, with newlines as line ends.

    A table that a header or a dotted key opens starts at its name there.
    """
    scanner = _Scanner(text, file)
    scanner.document()
    return scanner.marks


class _Scanner:
    def __init__(self, text: str, file: Path) -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.marks: dict[KeyPath, Mark] = {}
        self.tables_of: dict[KeyPath, int] = {}  # arrays of tables: how many so far
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def document(self) -> None:
        table: KeyPath = ()
        while self.peek():
            if self.text.startswith("[[", self.at):
                table = self.header(brackets=2)
            elif self.peek() == "[":
                table = self.header(brackets=1)
            else:
                self.pair(table)

    def header(self, brackets: int) -> KeyPath:
        self.at += brackets
        path: KeyPath = ()
        parts = self.key()
        for number, (part, offset) in enumerate(parts, start=1):
            path = (*path, part)
            self.mark(path, offset, offset)
            if brackets == 2 and number == len(parts):
                self.tables_of[path] = self.tables_of.get(path, 0) + 1
            if path in self.tables_of:
                path = (*path, self.tables_of[path] - 1)
                self.mark(path, offset, offset)
        self.peek()
        self.at += brackets
        return path

    def pair(self, table: KeyPath) -> None:
        path = table
        for part, offset in self.key():
            path = (*path, part)
            self.mark(path, offset, offset)
        self.peek()
        self.at += 1  # the equals sign
        self.peek()
        self.marks[path] = Mark(self.marks[path].key, self.place(self.at))
        self.value(path)

    def key(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            self.peek()
            match = _KEY_PART.match(self.text, self.at)
            assert match, "tomli accepted this key"
            parts.append((_unquoted(match.group()), self.at))
            self.at = match.end()
            if self.peek() != ".":
                return parts
            self.at += 1

    def value(self, path: KeyPath) -> None:
        opening = self.peek()
        if opening not in ("[", "{"):
            match = _SCALAR.match(self.text, self.at)
            assert match, "tomli accepted this value"
            self.at = match.end()
            return
        self.at += 1
        index = 0
        while self.peek() not in ("]", "}"):
            if opening == "{":
                self.pair(path)
            else:
                self.mark((*path, index), self.at, self.at)
                self.value((*path, index))
                index += 1
            if self.peek() == ",":
                self.at += 1
        self.at += 1

    def peek(self) -> str:
        """The next character that is neither blank nor comment; empty at the end."""
        match = _BLANK.match(self.text, self.at)
        assert match, "the pattern matches the empty string"
        self.at = match.end()
        return self.text[self.at : self.at + 1]

    def mark(self, path: KeyPath, key: int, value: int) -> None:
        self.marks.setdefault(path, Mark(self.place(key), self.place(value)))

    def place(self, offset: int) -> Place:
        line = bisect_right(self.line_starts, offset)
        return Place(self.file, line, offset - self.line_starts[line - 1] + 1)


def _unquoted(key: str) -> str:
    return next(iter(tomli.loads(f"{key} = 0"))) if key[0] in "\"'" else key
