"""Follows tar(1) while it unpacks a tree: compares its list with that of the tree, and hashes the files that are whole.

tar lists a member before it unpacks the member, so that a file is whole when the next one is listed.  tar leaves one of
two processors idle, and a file that was just written is still in memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from builder.site.members import Member, find_entry, read_member
from builder.store.tree_check import read_sha256
from builder.store.tree_entries import Entry, escape

DIRECTORY_MADE = re.compile(rb"d\S+ +Creating directory: ")
"""A line in which tar says that it makes a directory that the archive names later."""


@dataclass
class Unpacked:
    """The members that tar has unpacked, by path, and the SHA-256 of each file, in hexadecimal digits.

    Each member has an entry of its own in the list of the tree, so that nothing writes to a file after it was hashed.
    Clones are not hashed: `digests` has the SHA-256 by which the file to clone was found.
    `stranger` is the first member without one, in words; empty when there is none.
    """

    members: dict[str, Member] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    stranger: str = ""


def follow_tar(
    listed: IO[bytes], tree: Path, entries: Mapping[str, Entry], clones: Collection[str] = frozenset()
) -> Unpacked:
    """Read tar's list (`tar -vv --full-time --quoting-style=escape`) to its end, and hash each file in the tree.

    Files at the paths in `clones`, which were there before and which tar passes over, are not hashed, and get the times
    of their members.
    `listed` is closed at the end, also after an error, so that tar does not wait for a reader.  An archive may come
    from anybody: what is kept of it is bounded by the list of the tree.

    :raises OSError: a file cannot be read.
    """
    unpacked = Unpacked()
    whole: Entry | None = None

    def finish(entry: Entry) -> None:
        path = f"{tree}/{entry.path}"
        if entry.path in clones:
            unpacked.digests[entry.path] = entry.sha256
            time = unpacked.members[entry.path].nanoseconds
            os.utime(path, ns=(time, time), follow_symlinks=False)
        else:
            unpacked.digests[entry.path] = read_sha256(path, entry.size)

    with listed:
        for line in listed:
            if whole is not None:
                finish(whole)
                whole = None
            if not DIRECTORY_MADE.match(line):
                whole = _note(unpacked, line.removesuffix(b"\n"), entries)
    if whole is not None:
        finish(whole)
    return unpacked


def _note(unpacked: Unpacked, line: bytes, entries: Mapping[str, Entry]) -> Entry | None:
    """Note the member in a line; return its entry if tar writes a file now, or passes over a clone.

    A second name of a file may be one of a device, which nobody is to open: such names are left to the comparison.
    """
    member = read_member(line)
    entry = find_entry(member, entries, unpacked.members) if member else None
    if member is None or entry is None:
        unpacked.stranger = unpacked.stranger or escape(member.text if member else line.decode(errors="replace"))
        return None
    unpacked.members[entry.path] = member
    return entry if entry.kind == "f" and member.kind == "-" else None
