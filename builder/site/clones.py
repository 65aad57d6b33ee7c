"""Clones files of a release unpacked before into the tree of a new one, where files can share blocks.

Nodes write to some trees: only a file that nobody has changed since it was compared is cloned (builder.site.donors).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from builder.site import reflink
from builder.site.donors import Donor, Stamp, is_worth_a_clone
from builder.site.members import Member
from builder.store.tree_check import ABSENT
from builder.store.tree_entries import Entry


def clone_files(donor: Donor, tree: Path, entries: Mapping[str, Entry]) -> set[str]:
    """Clone files of a new tree from a donor, and return the paths of the clones."""
    wanted = [entry for entry in entries.values() if is_worth_a_clone(entry) and entry.sha256 in donor.stamps]
    made = {""}
    for entry in wanted:
        _make_parents(tree, entry.path, made)
    return {entry.path for entry in wanted if _clone(donor, entry, f"{tree}/{entry.path}")}


def restore(tree: Path, cloned: set[str], entries: Mapping[str, Entry], members: Mapping[str, Member]) -> set[str]:
    """Set times, owners and modes of directories, which were made for clones, to those in the archive.

    The result has the paths that must not be clones: the archive has them as second names of files, or with extended
    attributes.  Paths below a link stay untouched, where the archive has put the link into the place of a directory.
    """
    reached = {""}
    for path in sorted(members):
        entry, member, place = entries[path], members[path], f"{tree}/{path}"
        if path.rpartition("/")[0] not in reached:
            continue
        if entry.kind == "d" and _is_directory(place):
            reached.add(path)
            os.chown(place, entry.owner, entry.group, follow_symlinks=False)
            os.chmod(place, entry.mode)  # noqa: PTH101  # a Path for each of thousands takes longer than this
            os.utime(place, ns=(member.nanoseconds, member.nanoseconds), follow_symlinks=False)
    return {path for path in cloned if members[path].kind != "-" or members[path].has_attributes}


def _is_directory(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return False


def _make_parents(tree: Path, path: str, made: set[str]) -> None:
    parent = path.rpartition("/")[0]
    if parent not in made:
        _make_parents(tree, parent, made)
        Path(tree, parent).mkdir()
        made.add(parent)


def _clone(donor: Donor, entry: Entry, target: str) -> bool:
    """Clone the donor's file for an entry to `target`; false when somebody has changed or removed the donor's file."""
    path, stamp = donor.stamps[entry.sha256]
    try:
        read = os.open(f"{donor.tree}/{path}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in ABSENT:
            return False
        raise
    try:
        return Stamp.of(os.fstat(read)) == stamp and _clone_opened(read, stamp, entry, target)
    finally:
        os.close(read)


def _clone_opened(read: int, stamp: Stamp, entry: Entry, target: str) -> bool:
    """Clone an open file to `target`; false, and no `target`, when the stamp of the file is not `stamp` afterwards."""
    written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    is_clone = False
    try:
        is_clone = reflink.clone(read, written) and Stamp.of(os.fstat(read)) == stamp
        os.fchown(written, entry.owner, entry.group)
        os.fchmod(written, entry.mode)
    finally:
        os.close(written)
        if not is_clone:
            Path(target).unlink()
    return is_clone
