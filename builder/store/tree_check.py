"""Compares a tree on a disk with the list of the release's tree (docs/reference/tree-list.md)."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.store.transfer import run_each
from builder.store.tree_entries import Entry, escape, read_entries

TYPES = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}
PIECE = 1 << 20
"""Bytes of a file that are read at once."""

AT_ONCE = 256
"""Paths that a thread compares before it takes the next ones."""


@dataclass(frozen=True)
class Difference:
    """A path of a tree that is not as the list has it, and in what.

    `path` is in the form in which the list has it, `name` as Python has it (os.fsdecode).
    """

    path: str
    what: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def compare_tree(directory: Path, lines: Iterable[str]) -> Iterator[Difference]:
    """Yield what differs between the tree in `directory` and the lines of a tree.tsv.

    :raises InputError: the lines are no list of a tree.
    """
    yield from compare_entries(directory, read_entries(lines))


def compare_entries(
    directory: Path, entries: Mapping[str, Entry], ignored: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """Yield what differs between the tree in `directory` and its list; each file is read once, and no link followed.

    The paths in `ignored` and all below them are not looked at.
    """
    top, listed = str(directory), [entry for entry in entries.values() if not _is_below(entry.path, ignored)]
    shares = [listed[start : start + AT_ONCE] for start in range(0, len(listed), AT_ONCE)]
    for differences in run_each(lambda share: _compare_share(top, share), shares):
        yield from differences
    yield from _added(top, entries, ignored)


def _is_below(path: str, ignored: frozenset[str]) -> bool:
    return bool(ignored) and any(path == each or path.startswith(f"{each}/") for each in ignored)


def _compare_share(top: str, share: list[Entry]) -> list[Difference]:
    found = ((entry, _difference(f"{top}/{entry.path}", entry)) for entry in share)
    return [Difference(entry.written, what, entry.path) for entry, what in found if what]


def _difference(path: str, entry: Entry) -> str:
    """In what a path differs from its entry, in words; nothing when it does not."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    kind = TYPES.get(stat.S_IFMT(found.st_mode), "?")
    if kind != entry.kind:
        return f"is of type {kind}, and not {entry.kind}"
    differing = []
    if kind != "l" and stat.S_IMODE(found.st_mode) != entry.mode:
        differing.append(f"mode {stat.S_IMODE(found.st_mode):04o}, and not {entry.mode:04o}")
    if (found.st_uid, found.st_gid) != (entry.owner, entry.group):
        differing.append(f"owner {found.st_uid}:{found.st_gid}, and not {entry.owner}:{entry.group}")
    if kind == "f" and (found.st_size != entry.size or _sha256(path) != entry.sha256):
        differing.append("other content")
    if kind == "l" and str(Path(path).readlink()) != entry.target:
        differing.append("leads elsewhere")
    if kind in ("c", "b") and f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}" != entry.target:
        differing.append("is another device")
    return "; ".join(differing)


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        while piece := os.read(handle, PIECE):
            digest.update(piece)
    finally:
        os.close(handle)
    return digest.hexdigest()


def _added(top: str, entries: Mapping[str, Entry], ignored: frozenset[str]) -> Iterator[Difference]:
    start = len(top) + 1
    for parent, directories, files in os.walk(top):
        directories[:] = [name for name in directories if f"{parent}/{name}"[start:] not in ignored]
        for name in sorted(directories + files):
            path = f"{parent}/{name}"[start:]
            if path not in entries:
                yield Difference(escape(path), "was added", path)
                if name in directories:
                    directories.remove(name)  # what lies below was added with it
