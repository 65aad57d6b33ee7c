"""Compares a tree on a disk with the list of the release's tree (docs/reference/tree-list.md)."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError

COLUMNS = ("path", "type", "mode", "owner", "group", "size", "sha256", "target", "package")
TYPES = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}
ESCAPE = re.compile(rb"\\(\\|x[0-9a-fA-F]{2})")


@dataclass(frozen=True)
class Difference:
    """A path of a tree that is not as the list has it, and in what."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def compare_tree(directory: Path, lines: Iterable[str]) -> Iterator[Difference]:
    """Yield what differs between the tree in `directory` and the lines of a tree.tsv.

    :raises InputError: the lines are no list of a tree.
    """
    rows = iter(lines)
    if tuple(next(rows, "").rstrip("\n").split("\t")) != COLUMNS:
        raise InputError("the list of the tree has other columns than this nfsroot knows")
    listed: set[str] = set()
    for line in rows:
        row = line.rstrip("\n").split("\t")
        if len(row) != len(COLUMNS):
            raise InputError(f"the list of the tree has a line that cannot be read: {line!r}")
        path = unescape(row[0])
        if path.startswith("/") or ".." in path.split("/"):
            raise InputError(f"the list of the tree names a path outside the tree: {row[0]}")
        listed.add(path)
        what = _difference(directory / path, dict(zip(COLUMNS, row, strict=True)))
        if what:
            yield Difference(row[0], what)
    yield from _added(directory, listed)


def unescape(text: str) -> str:
    """A name as Python has it (os.fsdecode) that stands in the list: `\\\\` is a backslash, and `\\xHH` a byte."""
    return os.fsdecode(ESCAPE.sub(lambda found: _byte(found[1]), text.encode()))


def escape(name: str) -> str:
    """A name in the form in which it would stand in the list, which a terminal can show."""
    text = os.fsencode(name.replace("\\", "\\\\")).decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else "".join(f"\\x{byte:02x}" for byte in each.encode()) for each in text)


def _byte(escaped: bytes) -> bytes:
    return escaped if escaped == b"\\" else bytes([int(escaped[1:], 16)])


def _difference(path: Path, row: dict[str, str]) -> str:
    """In what a path differs from its row, in words; nothing when it does not."""
    try:
        found = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    kind = TYPES.get(stat.S_IFMT(found.st_mode), "?")
    if kind != row["type"]:
        return f"is of type {kind}, and not {row['type']}"
    differing = []
    if kind != "l" and f"{stat.S_IMODE(found.st_mode):04o}" != row["mode"]:
        differing.append(f"mode {stat.S_IMODE(found.st_mode):04o}, and not {row['mode']}")
    if (str(found.st_uid), str(found.st_gid)) != (row["owner"], row["group"]):
        differing.append(f"owner {found.st_uid}:{found.st_gid}, and not {row['owner']}:{row['group']}")
    if kind == "f" and (str(found.st_size) != row["size"] or _sha256(path) != row["sha256"]):
        differing.append("other content")
    if kind == "l" and str(path.readlink()) != unescape(row["target"]):
        differing.append("leads elsewhere")
    if kind in ("c", "b") and f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}" != row["target"]:
        differing.append("is another device")
    return "; ".join(differing)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _added(directory: Path, listed: set[str]) -> Iterator[Difference]:
    for parent, directories, files in os.walk(directory):
        for name in sorted(directories + files):
            path = str(Path(parent, name).relative_to(directory))
            if path not in listed:
                yield Difference(escape(path), "was added")
                if name in directories:
                    directories.remove(name)  # what lies below was added with it
