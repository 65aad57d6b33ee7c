"""Clones of files, which share the blocks of these on file systems that can (FICLONE, ioctl_ficlone(2)).

A clone is a file of its own: unlike with hard links, a write to one leaves the other as it is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

FICLONE = 0x40049409
"""The request of ioctl_ficlone(2)."""

UNABLE = (errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS)
"""Errors of a file system that lets no files share blocks, or not these two."""

PIECE = 1 << 20
"""Bytes that are copied at once."""


def clone(read: int, written: int) -> bool:
    """Have an open, empty file share the blocks of another one; false where the file system cannot.

    :raises OSError: it can, and failed.
    """
    try:
        fcntl.ioctl(written, FICLONE, read)
    except OSError as error:
        if error.errno in UNABLE:
            return False
        raise
    return True


def can_clone(file: Path) -> bool:
    """Whether a file can share its blocks with another one in the same directory; nothing is left of the trial."""
    with file.open("rb") as read:
        try:
            unnamed = os.open(file.parent, os.O_TMPFILE | os.O_WRONLY, 0o600)
        except OSError as error:
            if error.errno in (*UNABLE, errno.EISDIR):  # file systems without O_TMPFILE, open(2)
                return False
            raise
        try:
            return clone(read.fileno(), unnamed)
        finally:
            os.close(unnamed)


def clone_or_copy(source: Path, target: Path) -> None:
    """Clone a file, or copy it where the file system lets no files share blocks."""
    with source.open("rb") as read, target.open("xb") as written:
        if not clone(read.fileno(), written.fileno()):
            shutil.copyfileobj(read, written, PIECE)
