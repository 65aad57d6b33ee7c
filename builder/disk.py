"""Functions that hash and replace files, bring them to the disk, and lock directories."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

WRITE = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2), in linux/fs.h."""


def sync(path: Path) -> None:
    """Bring a file, or the entries of a directory, to the disk (fsync(2))."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def begin_sync(handle: int, start: int = 0, size: int = 0) -> None:
    """Have the kernel begin to write an open file to the disk, so that a later fsync(2) has less to wait for.

    Of the file, `size` bytes from the offset `start` on are written, or all bytes from there on without a size.  A file
    system that cannot do so writes later: nothing is on the disk before fsync(2) says so.
    """
    import ctypes  # only now: most commands need none

    ctypes.CDLL(None).sync_file_range(handle, ctypes.c_int64(start), ctypes.c_int64(size), ctypes.c_uint(WRITE))


def sha256(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def replace_file(file: Path, content: bytes) -> None:
    """Replace a file in one step, and bring it to the disk: readers find the old content or the new one."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    with unfinished.open("wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())
    unfinished.replace(file)
    sync(file.parent)


def sync_tree(directory: Path) -> None:
    """Bring a directory and all that is below it to the disk."""
    for entry in directory.rglob("*"):
        sync(entry)
    sync(directory)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory (flock(2)) during the block; the kernel drops it when this process dies."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def sync_file_system(path: Path) -> None:
    """Bring the whole file system that holds `path` to the disk (syncfs(2)).

    :raises OSError: the kernel could not write everything.
    """
    import ctypes  # only now: most commands need none

    handle = os.open(path, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)
