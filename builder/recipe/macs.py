"""The reading of MAC addresses from a file: CSV with the columns `name` and `mac`, or one address per line."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import NamedTuple

from builder.errors import Problem
from builder.recipe.document import Document, read_text
from builder.recipe.messages import Word, quote_some
from builder.recipe.place import Place

_SIGNS = re.compile(r"[:. -]")
_EXACT = frozenset({(12,), (6, 6), (4, 4, 4)})


def normalize_mac(text: str) -> str | None:
    """The MAC address in `text`, in lower-case pairs joined by colons; None when `text` is no MAC address.

    A MAC address has twelve hexadecimal digits in one, two, three or six groups, as vendors write them.  Colons,
    hyphens, dots or blanks join the groups.  Of six groups, each may lack a leading zero.
    """
    groups = _SIGNS.split(text)
    sizes = tuple(map(len, groups))
    if len(groups) == 6 and set(sizes) <= {1, 2}:
        groups = [group.zfill(2) for group in groups]
    elif sizes not in _EXACT:
        return None
    digits = "".join(groups).lower()
    if len(set(_SIGNS.findall(text))) > 1 or not set(digits) <= set("0123456789abcdef"):
        return None
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


class _Table(NamedTuple):
    """The MAC addresses in a file, and the names beside them if the file has such a column."""

    macs: tuple[Word, ...]
    names: tuple[str, ...]


def macs_files(cluster: Document) -> tuple[Path, ...]:
    """The files of MAC addresses that a cluster names, each relative to the file that names it."""
    nodes = cluster.data.get("nodes")
    named = {
        index: entry["macs_file"]
        for index, entry in enumerate(nodes if isinstance(nodes, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("macs_file"), str)
    }
    return tuple(cluster.at(("nodes", index, "macs_file")).file.parent / name for index, name in named.items())


def macs_from_file(path: str, written: Place, names: tuple[Word, ...]) -> tuple[tuple[Word, ...], list[Problem]]:
    """The MAC addresses of `names`, in this order, from the file at `path`, and the mistakes in the file.

    `written` is the place where `path` stands; `path` is relative to the file of this place.  Other columns, rows of
    other names, empty lines and lines that start with `#` are ignored.
    """
    file = written.file.parent / path
    text = read_text(file)
    if isinstance(text, Problem):
        missing = Problem(*written, f"{file} {text.what}", "write a path relative to this file")
        return (), [text if text.line else missing]
    table = _table(file, text.splitlines())
    if isinstance(table, Problem):
        return (), [table]
    return _in_order(table, names, file, written) if table.names else (table.macs, [])


def _table(file: Path, lines: list[str]) -> _Table | Problem:
    reader = csv.reader("" if line.startswith("#") else line for line in lines)
    rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cells)]
    header = [cell.lower() for cell in rows[0][1]] if rows else []
    if "mac" not in header and len(header) != 1:
        line = rows[0][0] if rows else 1
        return Problem(file, line, 1, "no header with a column mac", "write name,mac in the first line")
    if "mac" in header:
        rows = rows[1:]
    mac = header.index("mac") if "mac" in header else 0
    name = header.index("name") if "name" in header else None
    for line, cells in rows:
        if len(cells) <= max(mac, name or 0):
            return Problem(file, line, 1, "this line has fewer columns than the header", "fill it up")
    return _Table(
        tuple(Word(cells[mac], Place(file, line, lines[line - 1].find(cells[mac]) + 1)) for line, cells in rows),
        () if name is None else tuple(cells[name] for _, cells in rows),
    )


def _in_order(
    table: _Table, names: tuple[Word, ...], file: Path, written: Place
) -> tuple[tuple[Word, ...], list[Problem]]:
    problems = []
    found: dict[str, Word] = {}
    for name, mac in zip(table.names, table.macs, strict=True):
        if name in found:
            what = f"'{name}' has a MAC address already, at {found[name].place}"
            problems.append(Problem(*mac.place, what, "keep one of them"))
        found.setdefault(name, mac)
    missing = [name.text for name in names if name.text not in found]
    if missing:
        problems.append(Problem(*written, f"{file} has no MAC address for {quote_some(missing)}", "add them there"))
    return tuple(found[name.text] for name in names if name.text in found), problems
