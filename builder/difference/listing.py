"""Compares two trees by the lists of their paths (docs/reference/tree-list.md)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum

from builder.errors import InputError

COLUMNS = 9


class Change(StrEnum):
    """Whether a file was added, removed or changed."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class Entry:
    """The columns after the path in a line of a tree's list, as text; `size` is in bytes."""

    type: str
    mode: str
    owner: str
    group: str
    size: str
    sha256: str
    target: str
    package: str

    @property
    def bytes(self) -> int:
        """The file's size in bytes; 0 for anything but a file."""
        return int(self.size) if self.size.isdecimal() and len(self.size) < 20 else 0


NAMES = tuple(field.name for field in fields(Entry))


@dataclass(frozen=True)
class FileChange:
    """A path that differs, and the columns that differ; `path` is quoted as in the list."""

    path: str
    change: Change
    columns: tuple[str, ...]
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True)
class PackageFiles:
    """The paths of one package that differ; `package` is empty for the paths that are in no package.

    `bytes` is the number of bytes by which the files grew.
    """

    package: str
    added: int
    removed: int
    changed: int
    bytes: int
    files: tuple[FileChange, ...]


def compare_listings(
    before: bytes, after: bytes, beside: Collection[str] = (), *, what: tuple[str, str] = ("tree.tsv", "tree.tsv")
) -> tuple[PackageFiles, ...]:
    """The paths that differ between two lists, by package; paths `beside` do not count.

    `what` names the lists in messages.

    :raises InputError: a line has other columns than a tree's list has.
    """
    old_lines, new_lines = set(before.split(b"\n")), set(after.split(b"\n"))
    old, new = _read(old_lines - new_lines, what[0]), _read(new_lines - old_lines, what[1])
    groups: dict[str, list[FileChange]] = defaultdict(list)
    for path in sorted((old.keys() | new.keys()) - set(beside)):
        change = _compare(path, old.get(path), new.get(path))
        groups[(new.get(path) or old[path]).package].append(change)
    return tuple(_summed(package, groups[package]) for package in sorted(groups))


def _read(lines: Collection[bytes], what: str) -> Mapping[str, Entry]:
    found = {}
    for line in lines:
        if not line:
            continue
        columns = line.decode(errors="backslashreplace").split("\t")
        if len(columns) != COLUMNS:
            raise InputError(f"{what} is no list of a tree: {line[:80]!r} has {len(columns)} columns, not {COLUMNS}")
        found[columns[0]] = Entry(*columns[1:])
    return found


def _compare(path: str, old: Entry | None, new: Entry | None) -> FileChange:
    if old and new:
        columns = tuple(name for name in NAMES if getattr(old, name) != getattr(new, name))
        return FileChange(path, Change.CHANGED, columns, old, new)
    return FileChange(path, Change.ADDED if new else Change.REMOVED, (), old, new)


def _summed(package: str, changes: list[FileChange]) -> PackageFiles:
    counts = {kind: sum(each.change is kind for each in changes) for kind in Change}
    grown = sum((each.after.bytes if each.after else 0) - (each.before.bytes if each.before else 0) for each in changes)
    added, removed, changed = (counts[kind] for kind in Change)
    return PackageFiles(package, added, removed, changed, grown, tuple(changes))
