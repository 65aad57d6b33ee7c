"""Clones files of a release unpacked before into the new tree, where files can share blocks (FICLONE).

A clone is a file of its own: unlike with hard links, a write to one leaves the other as it is.  The file that is cloned
may have been changed, for nodes write to some trees: so each clone is compared with the list of its tree.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.site.members import Member
from builder.store.tree_entries import Entry

FICLONE = 0x40049409
"""The request of ioctl_ficlone(2)."""

UNABLE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS)
"""Errors of a file system that lets no files share blocks, or not these two."""

PIECE = 1 << 20
"""Bytes that are copied at once."""

LEAST = 8192
"""The smallest file that is worth a clone, in bytes: a smaller one takes a block of its own anyway."""


@dataclass(frozen=True)
class Donor:
    """An unpacked tree from which files are cloned.

    `paths` has a path by the SHA-256 of each of its files; files that changed later than `unpacked`, in seconds since
    1970 (UTC), are passed over.
    """

    tree: Path
    paths: Mapping[str, str]
    unpacked: int


def clone_files(donor: Donor, tree: Path, entries: Mapping[str, Entry]) -> set[str]:
    """Clone files of a new tree from a donor, and return the paths of the clones; none where nothing can be cloned."""
    wanted = [
        (entry, donor.paths[entry.sha256])
        for entry in entries.values()
        if entry.kind == "f" and entry.size >= LEAST and entry.sha256 in donor.paths
    ]
    cloned: set[str] = set()
    made = {""}
    for entry, source in wanted:
        try:
            if not _is_as_it_was(f"{donor.tree}/{source}", entry.size, donor.unpacked):
                continue
            _make_parents(tree, entry.path, made)
            _clone(f"{donor.tree}/{source}", f"{tree}/{entry.path}", entry)
        except OSError as error:
            if error.errno in UNABLE:
                return cloned
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
        else:
            cloned.add(entry.path)
    return cloned


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
            Path(place).chmod(entry.mode)
            os.utime(place, ns=(member.nanoseconds, member.nanoseconds), follow_symlinks=False)
    return {path for path in cloned if members[path].kind != "-" or members[path].has_attributes}


def clone_or_copy(source: Path, target: Path) -> None:
    """Clone a file, or copy it where the file system lets no files share blocks."""
    with source.open("rb") as read, target.open("xb") as written:
        try:
            fcntl.ioctl(written, FICLONE, read.fileno())
        except OSError as error:
            if error.errno not in UNABLE:
                raise
            shutil.copyfileobj(read, written, PIECE)


def _is_directory(path: str) -> bool:
    return Path(path).is_dir() and not Path(path).is_symlink()


def _is_as_it_was(path: str, size: int, unpacked: int) -> bool:
    """Whether a file seems to be as it was unpacked, with one name and no extended attributes."""
    found = os.lstat(path)
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_size == size
        and found.st_nlink == 1
        and int(found.st_ctime) <= unpacked
        and not os.listxattr(path, follow_symlinks=False)
    )


def _make_parents(tree: Path, path: str, made: set[str]) -> None:
    parent = path.rpartition("/")[0]
    if parent not in made:
        _make_parents(tree, parent, made)
        Path(tree, parent).mkdir()
        made.add(parent)


def _clone(source: str, target: str, entry: Entry) -> None:
    read = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        written = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.ioctl(written, FICLONE, read)
            os.fchown(written, entry.owner, entry.group)
            os.fchmod(written, entry.mode)
        except OSError:
            Path(target).unlink()
            raise
        finally:
            os.close(written)
    finally:
        os.close(read)
