"""Reads and checks the list of a release's tree (docs/reference/tree-list.md), which may come from anybody."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from builder.errors import InputError

FILE = "tree.tsv.zst"
"""The name of the list among the files of a release."""

COLUMNS = ("path", "type", "mode", "owner", "group", "size", "sha256", "target", "package")
ESCAPE = re.compile(rb"\\(\\|x[0-9a-fA-F]{2})")
KINDS = frozenset("fdlcbp")
NO_NAMES = frozenset(("", ".", ".."))
"""Parts of a path that would lead elsewhere than to a path of the list."""


class Entry(NamedTuple):
    """An entry of the list of a tree: a path, with its type, mode, owner and content.

    `written` is the path in the form of the list, `path` in the form of Python (os.fsdecode).  `kind` is a letter:
    `f` file, `d` directory, `l` symbolic link, `c` and `b` devices, `p` named pipe.  `size` is in bytes; `target` is
    the target of a link, or a device's numbers, MAJOR:MINOR.
    """

    written: str
    path: str
    kind: str
    mode: int
    owner: int
    group: int
    size: int
    sha256: str
    target: str


def read_entries(lines: Iterable[str]) -> dict[str, Entry]:
    """The entries of a tree.tsv by their paths.

    :raises InputError: the lines are no list of a tree, or name a path twice, outside the tree, or below no directory.
    """
    rows = iter(lines)
    if tuple(next(rows, "").rstrip("\n").split("\t")) != COLUMNS:
        raise InputError("the list of the tree has other columns than this nfsroot knows")
    entries: dict[str, Entry] = {}
    for line in rows:
        entry = _entry(line)
        if entry.path in entries:
            raise InputError(f"the list of the tree names a path twice: {entry.written}")
        entries[entry.path] = entry
    for entry in entries.values():
        parent = entry.path.rpartition("/")[0]
        if parent and (parent not in entries or entries[parent].kind != "d"):
            raise InputError(f"the list of the tree names a path below what is no directory: {entry.written}")
    return entries


def unescape(text: str) -> str:
    """The name in Python's form (os.fsdecode) for a name in the list: `\\\\` is a backslash, and `\\xHH` a byte."""
    if "\\" not in text:
        return text
    return os.fsdecode(ESCAPE.sub(lambda found: _byte(found[1]), text.encode()))


def escape(name: str) -> str:
    """The name in the form of the list, which a terminal can show, for a name in Python's form."""
    text = os.fsencode(name.replace("\\", "\\\\")).decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else "".join(f"\\x{byte:02x}" for byte in each.encode()) for each in text)


def _entry(line: str) -> Entry:
    try:
        path, kind, mode, owner, group, size, sha256, target, _package = line.rstrip("\n").split("\t")
        name = unescape(path)
        if kind not in KINDS:
            raise ValueError(kind)
        entry = Entry(path, name, kind, int(mode, 8), int(owner), int(group), int(size or 0), sha256, unescape(target))
    except ValueError as error:
        raise InputError(f"the list of the tree has a line that cannot be read: {line!r}") from error
    if "\0" in name or not NO_NAMES.isdisjoint(name.split("/")):
        raise InputError(f"the list of the tree names a path outside the tree: {path}")
    return entry


def _byte(escaped: bytes) -> bytes:
    return escaped if escaped == b"\\" else bytes([int(escaped[1:], 16)])
