"""MAC addresses from a file: CSV with a header that has the columns `name` and `mac`, or one address per line."""

from __future__ import annotations

import csv
from typing import NamedTuple

from builder.errors import Problem
from builder.recipe.document import read_text
from builder.recipe.positions import Place
from builder.recipe.words import Word, listed


class _Row(NamedTuple):
    line: int
    cells: list[str]


def macs_from_file(path: str, written: Place, names: tuple[Word, ...]) -> tuple[tuple[Word, ...], list[Problem]]:
    """The MAC addresses of `names` in their order, from the file at `path` relative to that of `written`.

    Other columns, rows of other names, empty lines and lines that start with `#` do not matter.
    """
    file = written.file.parent / path
    text = read_text(file)
    if isinstance(text, Problem):
        return (), [
            text if text.line else Problem(*written, f"{file} {text.what}", "write a path relative to this file")
        ]
    lines = text.splitlines()
    reader = csv.reader("" if line.startswith("#") else line for line in lines)
    rows = [_Row(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    header = [cell.lower() for cell in rows[0].cells] if rows else []
    if "mac" not in header and len(header) != 1:
        place = Place(file, rows[0].line if rows else 1, 1)
        return (), [Problem(*place, "no header with a column mac", "write name,mac in the first line")]
    column = header.index("mac") if "mac" in header else 0
    if "mac" in header:
        rows = rows[1:]
    problems = [
        Problem(file, row.line, 1, "no MAC address in this line", f"write it in column {column + 1}")
        for row in rows
        if len(row.cells) <= column
    ]
    found = [
        (row, Word(row.cells[column], Place(file, row.line, lines[row.line - 1].find(row.cells[column]) + 1)))
        for row in rows
        if len(row.cells) > column
    ]
    if "name" not in header:
        return tuple(word for _, word in found), problems
    by_name: dict[str, Word] = {}
    for row, word in found:
        name = row.cells[header.index("name")]
        if name in by_name:
            what = f"'{name}' has a MAC address already, at {by_name[name].place}"
            problems.append(Problem(*word.place, what, "keep one of them"))
        by_name.setdefault(name, word)
    if not names:
        return tuple(by_name.values()), problems
    missing = [name.text for name in names if name.text not in by_name]
    if missing:
        problems.append(Problem(*written, f"{file} has no MAC address for {listed(missing)}", "add them there"))
        return (), problems
    return tuple(by_name[name.text] for name in names), problems
