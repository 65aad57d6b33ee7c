"""Compares a tree on a disk with the list of the release's tree (docs/reference/tree-list.md)."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from builder.parallel import crew
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

LARGE = 64 << 10
"""The size in bytes from which on a file is hashed in another thread than the one that looks at all paths.

With small files Python itself takes most of the time, and its threads would wait for each other."""

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR)
"""Errors of open(2) and read(2) for a path at which there is no regular file."""

HASHING = 2
"""Threads that hash large files."""


@dataclass(frozen=True)
class Difference:
    """A path of a tree that differs from the list of the tree, and the differences in words.

    `path` has the form of the list, `name` the form of Python (os.fsdecode).
    """

    path: str
    what: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


def compare_tree(directory: Path, lines: Iterable[str]) -> Iterator[Difference]:
    """Yield the differences between the tree in `directory` and the lines of a tree.tsv.

    :raises InputError: the lines are no list of a tree.
    """
    yield from compare_entries(directory, read_entries(lines))


def compare_entries(
    directory: Path,
    entries: Mapping[str, Entry],
    ignored: frozenset[str] = frozenset(),
    digests: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Difference]:
    """Yield the differences between the tree in `directory` and its list; read each file once, and follow no link.

    The paths in `ignored` and all below them are not looked at.  `digests` has the SHA-256 of files that the caller has
    read already; they are not read again.
    """
    top, listed = str(directory), [entry for entry in entries.values() if not _is_below(entry.path, ignored)]
    with crew(HASHING) as aside:
        hashed = {
            entry.path: aside.begin(partial(read_sha256, f"{top}/{entry.path}", entry.size))
            for entry in listed
            if _is_large(entry) and entry.path not in digests
        }

        def digest(entry: Entry) -> str:
            if entry.path in digests:
                return digests[entry.path]
            wait = hashed.get(entry.path)
            return wait() if wait else read_sha256(f"{top}/{entry.path}", entry.size)

        differing = [(entry, _difference(f"{top}/{entry.path}", entry, digest)) for entry in listed]
    yield from (Difference(entry.written, what, entry.path) for entry, what in differing if what)
    yield from _added(top, entries, ignored)


def _is_below(path: str, ignored: frozenset[str]) -> bool:
    return bool(ignored) and any(path == each or path.startswith(f"{each}/") for each in ignored)


def _is_large(entry: Entry) -> bool:
    return entry.kind == "f" and entry.size >= LARGE


def _difference(path: str, entry: Entry, digest: Callable[[Entry], str]) -> str:
    """The differences between a path and its entry, in words; empty when there are none.

    `digest` returns the SHA-256 of the entry's file, which it reads if need be.
    """
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
    if kind == "f" and (found.st_size != entry.size or digest(entry) != entry.sha256):
        differing.append("other content")
    if kind == "l" and str(Path(path).readlink()) != entry.target:
        differing.append("leads elsewhere")
    if kind in ("c", "b") and f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}" != entry.target:
        differing.append("is another device")
    return "; ".join(differing)


def read_sha256(path: str, size: int) -> str:
    """Read a file of `size` bytes; return its SHA-256 in hexadecimal digits, empty where no file of this size is."""
    digest, left = hashlib.sha256(), size + 1
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            while left:
                wanted = min(PIECE, left)
                piece = os.read(handle, wanted)
                digest.update(piece)
                left -= len(piece)
                if len(piece) < wanted:  # the file's end; one more call would cost this thread its turn
                    break
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno in ABSENT:
            return ""
        raise
    return digest.hexdigest() if left == 1 else ""


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
