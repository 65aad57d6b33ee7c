"""The owner of files that a build makes: under sudo, the user who called sudo.

Only files that the build itself has made change their owner, and no symbolic link is followed: the directories belong
to that user, who may replace anything in them.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

ROOT = 0


class Owner(NamedTuple):
    """A user and a group by their numbers."""

    uid: int
    gid: int


def invoker() -> Owner | None:
    """The user who called sudo (sudo(8), SUDO_UID and SUDO_GID); None when this process is not root's by sudo."""
    uid, gid = os.environ.get("SUDO_UID", ""), os.environ.get("SUDO_GID", "")
    if os.geteuid() != ROOT or not (uid.isdecimal() and gid.isdecimal()):
        return None
    return Owner(int(uid), int(gid))


def make_directories(path: Path) -> None:
    """Make directory `path` and its missing parents.  The invoker owns the directories that this call makes.

    :raises OSError: a directory cannot be made.
    """
    missing = [each for each in (path, *path.parents) if not each.exists()]
    for directory in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another build makes the same directories
            directory.mkdir()
            _give(directory, None, invoker())
    path.mkdir(exist_ok=True)


def give_tree(top: Path) -> None:
    """Make the invoker the owner of directory `top`, which this process has made, and of everything below."""
    owner = invoker()
    if owner is None:
        return
    for _, directories, files, handle in os.fwalk(top, follow_symlinks=False):
        for name in (*directories, *files):
            _give(name, handle, owner)
    _give(top, None, owner)


def _give(path: Path | str, directory: int | None, owner: Owner | None) -> None:
    """Change the owner of `path` where the file system allows that to root (some NFS exports and vfat do not)."""
    if owner is not None:
        with contextlib.suppress(PermissionError):
            os.chown(path, owner.uid, owner.gid, dir_fd=directory, follow_symlinks=False)
