"""A store in a directory: on this machine, on NFS, or where rsync or a web server takes it from."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from builder.disk import sync
from builder.store.errors import (
    NotStoredError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
)
from builder.store.storage.interface import PIECE, Blob, Content, Put, Storage, Stored, Text
from builder.store.storage.unfinished import UNFINISHED, UnfinishedObjects

LOCK = ".lock"

SHARED = stat.S_ISGID | stat.S_IWGRP
"""The bits in the mode of a store's directory that say that its group publishes into it, too."""


class DirectoryStorage(Storage):
    """A store in the directory `root`, which is made with the first object."""

    swaps_safely = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = str(root)
        self._threads = threading.RLock()
        self._held = False

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """Yield the object from the offset `start` on."""
        with self._translate_errors(path), self._open(path) as file:
            os.lseek(file, start, os.SEEK_SET)
            while piece := os.read(file, PIECE):
                yield piece

    def size(self, path: str) -> int | None:
        """The size of the object in bytes; None when there is no such object."""
        with self._translate_errors(path):
            try:
                return (self.root / path).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:
        """Write the object beside its place, bring it to the disk, and rename it into its place (rename(2))."""
        with self.together() as put:
            put(path, content, keeps)

    @contextlib.contextmanager
    def together(self) -> Iterator[Put]:
        """Bring the objects of the block to the disk together, or a number of them at a time if they are many.

        When the block fails, the objects that it has written are in the store all the same.
        """
        waiting = UnfinishedObjects(self.root, self._make_directories, self._translate_errors)
        try:
            yield waiting.put
        except BaseException:
            with contextlib.suppress(StoreError):
                waiting.settle()
            raise
        waiting.settle()

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield every object whose path begins with `prefix`."""
        top = self.root / prefix.rpartition("/")[0]
        with self._translate_errors(prefix):
            for directory, _, names in os.walk(top, onerror=_raise_but_not_found):
                for name in names:
                    file = Path(directory, name)
                    path = str(file.relative_to(self.root))
                    if not name.startswith((UNFINISHED, LOCK)) and path.startswith(prefix):
                        with contextlib.suppress(FileNotFoundError):  # another publisher removed it meanwhile
                            held = file.stat()
                            yield Stored(path, held.st_size, held.st_mtime)

    def delete(self, path: str) -> None:
        """Remove the object; one that is not there is no error."""
        with self._translate_errors(path):
            (self.root / path).unlink(missing_ok=True)

    def swap(self, path: str, content: bytes, before: bytes | None) -> None:
        """Replace the object while no other publisher on this file system does (flock(2))."""
        with self.exclusive():
            self._expect(path, before)
            self.put(path, Text(content))

    def others_can_read(self) -> bool:
        """Whether the directory's mode lets others in; true for a directory that does not exist yet."""
        return not self.root.is_dir() or bool(self.root.stat().st_mode & 0o007)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock of the directory (flock(2)), also in a block in which this thread holds it already.

        The kernel drops the lock when this process dies.
        """
        with self._threads:
            if self._held:
                yield
                return
            with self._translate_errors(LOCK):
                self._make_directories(self.root)
                handle = os.open(self.root / LOCK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
            try:
                with self._translate_errors(LOCK):
                    self._share(self.root / LOCK)
                    fcntl.flock(handle, fcntl.LOCK_EX)
                self._held = True
                yield
            finally:
                self._held = False
                os.close(handle)

    def other_files(self, known: Collection[str]) -> Sequence[str]:
        """The names in the directory that are neither known nor a store's; `lost+found` does not count."""
        with self._translate_errors(""):
            names = sorted(path.name for path in self.root.iterdir()) if self.root.is_dir() else []
        return [
            name
            for name in names
            if name not in known and name != "lost+found" and not name.startswith((UNFINISHED, LOCK))
        ]

    def remove_unfinished(self, before: float) -> None:
        """Remove files that killed publishers left and last changed before the time `before` (seconds since 1970)."""
        for left in self.root.rglob(f"{UNFINISHED}*"):
            with contextlib.suppress(FileNotFoundError):
                if left.stat().st_mtime < before:
                    left.unlink()

    def _make_directories(self, directory: Path) -> None:
        """Make the directory and its parents, and bring each entry to the disk."""
        if not directory.is_dir():
            self._make_directories(directory.parent)
            directory.mkdir(exist_ok=True)
            sync(directory.parent)
        if self.root in directory.parents:
            self._share(directory)

    def _share(self, made: Path) -> None:
        """Let the group of the store write a directory or a lock that this user made, if the group shares the store.

        The umask keeps the group out at first, also out of a directory whose publisher is killed right after that.
        """
        if self.root.stat().st_mode & SHARED == SHARED:
            held = made.stat(follow_symlinks=False)
            if held.st_uid == os.geteuid() and not held.st_mode & stat.S_IWGRP:
                made.chmod(stat.S_IMODE(held.st_mode) | stat.S_IWGRP)

    @contextlib.contextmanager
    def _open(self, path: str) -> Iterator[int]:
        handle = os.open(self.root / path, os.O_RDONLY)
        try:
            yield handle
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def _translate_errors(self, path: str) -> Iterator[None]:
        """Turn the errors of the system into those of a store."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotStoredError(f"{self.address} holds no {path}") from error
        except PermissionError as error:
            raise PermissionRefusedError(
                f"{path} in {self.address}: {error.strerror}", resolution="Run as a user who may write the store."
            ) from error
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise (StoreFullError if full else StoreError)(
                f"{path} in {self.address}: {error.strerror}",
                resolution="Make room there, or remove old releases with `nfsroot store prune`." if full else "",
            ) from error


def _raise_but_not_found(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
