"""Donors: unpacked trees whose files the next release of the same name may clone, since nobody has changed them.

The record of a tree notes the inode and the ctime of each file that was compared with the tree's list.  The kernel sets
the ctime at each change of a file's content, and lets no program set it (inode(7)).  So a file with the inode
and the ctime of the record is unchanged, and need not be read again.  git and borg recognise unchanged files by the
same values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from builder.site.places import Places
from builder.site.records import read_records
from builder.site.reflink import can_clone
from builder.store.tree_entries import Entry

FILE = "donor.json"

LEAST = 8192
"""The smallest file that is worth a clone, in bytes: a smaller one takes a block of its own anyway."""


class Stamp(NamedTuple):
    """The inode of a file, and its ctime in nanoseconds since 1970 (UTC), as stat(2) returns them."""

    inode: int
    changed: int

    @classmethod
    def of(cls, found: os.stat_result) -> Stamp:
        """The stamp in a result of stat(2)."""
        return cls(found.st_ino, found.st_ctime_ns)


Stamps = Mapping[str, tuple[str, Stamp]]
"""The path and the stamp of a file, by the SHA-256 of its content."""


@dataclass(frozen=True)
class Donor:
    """An unpacked tree, and the stamps that its files had when they were compared with its list."""

    tree: Path
    stamps: Stamps


def is_worth_a_clone(entry: Entry) -> bool:
    """Whether an entry is a file that is large enough for a clone."""
    return entry.kind == "f" and entry.size >= LEAST


def stamp_files(tree: Path, entries: Iterable[Entry]) -> dict[str, tuple[str, Stamp]]:
    """The stamps of a tree's larger files, which nobody may write to since they were compared with these entries.

    The result is empty on a file system without clones.  It leaves out files with several names: in the archive of the
    next release they most likely have several names too, and a clone would be a separate file.
    """
    larger = [entry for entry in entries if is_worth_a_clone(entry)]
    if not larger or not can_clone(tree / larger[0].path):
        return {}
    seen = [(entry, os.lstat(f"{tree}/{entry.path}")) for entry in larger]
    return {entry.sha256: (entry.path, Stamp.of(found)) for entry, found in seen if found.st_nlink == 1}


def write(directory: Path, stamps: Stamps) -> None:
    """Write stamps, if there are any, into the directory of a record that is being made."""
    if not stamps:
        return
    table = {digest: (path, *stamp) for digest, (path, stamp) in stamps.items()}
    (directory / FILE).write_text(json.dumps(table) + "\n", encoding="utf-8")


def find_donor(places: Places, name: str) -> Donor | None:
    """The newest unpacked tree of the recipe `name` whose files can be cloned; None where there is none."""
    for record in read_records(places).get(name, {}).values():
        tree, stamps = places.on_server(record.settings.root.directory), _read(record.directory / FILE)
        if stamps and tree.is_dir():
            return Donor(tree, stamps)
    return None


def _read(file: Path) -> Stamps:
    """The stamps that a record has; none where they cannot be read, for clones save room, and a tree can do without."""
    try:
        table = json.loads(file.read_bytes())
        return {
            str(digest): (str(path), Stamp(int(inode), int(changed)))
            for digest, (path, inode, changed) in table.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
