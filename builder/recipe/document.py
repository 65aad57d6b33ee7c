"""A TOML file of the user: its values, and the place of each value in the file."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli

from builder.errors import Problem
from builder.recipe.place import Place
from builder.recipe.positions import KeyPath, Mark, scan


@dataclass(frozen=True)
class Document:
    """The values of a TOML file, with the places where they stand.

    After inheritance, the marks of one document point into several files.  `dropped` are the paths of mistaken values
    that have been taken out; they are not reported as missing.
    """

    file: Path
    data: dict[str, Any]
    marks: dict[KeyPath, Mark]
    dropped: frozenset[KeyPath] = frozenset()

    def at(self, path: KeyPath, *, key: bool = False) -> Place:
        """The place where the value (or the key) at `path` starts; of an absent value, that of the table around it."""
        if path in self.marks:
            return self.marks[path].key if key else self.marks[path].value
        return self.at(path[:-1], key=True) if path else Place(self.file, 0, 0)

    def problem(self, path: KeyPath, what: str, fix: str = "", *, key: bool = False) -> Problem:
        """The problem `what` at the place of `path`."""
        return Problem(*self.at(path, key=key), what, fix)

    def has_dropped(self, path: KeyPath) -> bool:
        """Whether a mistaken value was taken out at `path`, around it or within it."""
        return any(path[: len(gone)] == gone[: len(path)] for gone in self.dropped)

    def table(self, name: str) -> Document:
        """The table `name` as a document of its own."""
        marks = {path[1:]: mark for path, mark in self.marks.items() if path[:1] == (name,)}
        dropped = frozenset(path[1:] for path in self.dropped if path[:1] == (name,))
        return Document(self.file, self.data[name], marks, dropped)

    def without(self, paths: Set[KeyPath]) -> Document:
        """The document without the values at `paths`; later elements of their arrays move up."""
        marks: dict[KeyPath, Mark] = {}

        def keep(value: Any, old: KeyPath, new: KeyPath) -> Any:
            if old in self.marks:
                marks[new] = self.marks[old]
            if isinstance(value, dict):
                return {key: keep(value[key], (*old, key), (*new, key)) for key in value if (*old, key) not in paths}
            if isinstance(value, list):
                indices = [index for index in range(len(value)) if (*old, index) not in paths]
                return [keep(value[index], (*old, index), (*new, place)) for place, index in enumerate(indices)]
            return value

        data = keep(self.data, (), ())
        return Document(self.file, data, marks, self.dropped | paths)


def read(file: Path) -> Document | Problem:
    """The document in `file`, or the problem that prevents reading it: access, encoding, TOML syntax."""
    text = read_text(file)
    if isinstance(text, Problem):
        return text
    try:
        return Document(file, tomli.loads(text), scan(text, file))
    except tomli.TOMLDecodeError as error:
        what = f"not TOML: {error.msg[0].lower()}{error.msg[1:]}"
        return Problem(file, error.lineno, error.colno, what, "see https://toml.io for the syntax")
    except RecursionError:
        return Problem(file, 0, 0, "nested too deeply", "recipes need no more than three levels")


def read_text(file: Path) -> str | Problem:
    """The text of `file` with newlines as line ends and no byte order mark, or the problem that prevents reading it."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        return Problem(file, 0, 0, f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        return Problem(file, line, column, "not UTF-8 text", "save the file as UTF-8")
