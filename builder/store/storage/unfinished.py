"""Objects of a store in a directory that are written, but not in their places yet.

An object is in its place after three steps: its bytes are on the disk (fsync(2)), its file has its name (rename(2)),
and the name is on the disk.  Of many objects, each step is made for all of them before the next step: the kernel begins
to write an object as soon as the object is complete, and the first fsync(2) commits the file system's journal for
those that follow, which find little to do.  docs/explanation/performance.md has the times.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from builder.disk import begin_sync, sync
from builder.store.errors import TransientError
from builder.store.storage.interface import Blob, Content

UNFINISHED = ".unfinished-"
"""The beginning of the names of files that are being written; a killed publisher leaves such files."""

MOST_BYTES = 64 << 20
MOST_FILES = 128
"""The most bytes, and the most open files, of objects that wait: a publisher that is killed wrote them in vain."""


@dataclass(frozen=True)
class _Unfinished:
    """The object `path` in an open file, beside the place `target` that the object is to have."""

    path: str
    file: BinaryIO
    name: Path
    target: Path
    size: int


class UnfinishedObjects:
    """Objects that are to be in their places in the directory `root` together; several threads may put objects.

    `translate_errors` turns errors of the system about an object into errors of a store.
    """

    def __init__(
        self,
        root: Path,
        make_directories: Callable[[Path], None],
        translate_errors: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._root, self._make_directories, self._translate_errors = root, make_directories, translate_errors
        self._lock = threading.Lock()
        self._waiting: list[_Unfinished] = []

    def put(self, path: str, content: Content, keeps: Sequence[Blob] = ()) -> None:  # noqa: ARG002
        """Write an object; when many objects wait now, bring them into their places.

        :raises TransientError: the content has another size than announced.
        """
        written = self._write(path, content)
        with self._lock:
            self._waiting.append(written)
            size = sum(each.size for each in self._waiting)
            taken = self._take() if size >= MOST_BYTES or len(self._waiting) >= MOST_FILES else []
        self._finish(taken)

    def settle(self) -> None:
        """Bring all objects into their places."""
        with self._lock:
            taken = self._take()
        self._finish(taken)

    def _take(self) -> list[_Unfinished]:
        taken, self._waiting = self._waiting, []
        return taken

    def _write(self, path: str, content: Content) -> _Unfinished:
        target = self._root / path
        name = target.with_name(f"{UNFINISHED}{uuid.uuid4().hex}")
        try:
            with self._translate_errors(path):
                self._make_directories(target.parent)
                file = name.open("xb")
                try:
                    for piece in content.pieces():
                        file.write(piece)
                    file.flush()
                    if os.fstat(file.fileno()).st_size != content.size:
                        raise TransientError(f"{path} ended early while it was written into {self._root}")
                    begin_sync(file.fileno())
                except BaseException:
                    file.close()
                    raise
        except BaseException:
            name.unlink(missing_ok=True)
            raise
        return _Unfinished(path, file, name, target, content.size)

    def _finish(self, objects: Sequence[_Unfinished]) -> None:
        left = set(objects)
        try:
            for each in objects:
                with self._translate_errors(each.path), each.file:
                    os.fsync(each.file.fileno())
            for each in objects:
                with self._translate_errors(each.path):
                    each.name.rename(each.target)
                    left.remove(each)
            for directory in sorted({each.target.parent for each in objects}):
                with self._translate_errors(str(directory.relative_to(self._root))):
                    sync(directory)
        finally:
            for each in left:
                each.file.close()
                each.name.unlink(missing_ok=True)
