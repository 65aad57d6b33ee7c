"""The cache of steps: immutable objects, each under the key of the step that made it.

Layout below the cache's directory:

    objects/STEP-KEY/   the files that a step made, and `step.json`: its inputs, the size of each file, and the total
    unfinished/         directories of builds under way, each with a lock, and directories that killed builds left
    pointers/NAME-KEY   the key of the current object, for objects that inputs alone do not identify (the archive)
    answers/KEY.json    the answer to a question that a build asked, and the files that the answer depends on
    last/RECIPE.json    the inputs of each step when the recipe was last built, to explain why a step runs again
    packages/SUITE/     Debian packages downloaded once, each under its SHA-256, with a file of the kept copy's digest
    logs/               the output of each recipe's steps when they ran last
    locks/
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from builder import ownership
from builder.errors import NfsrootError, NoSpaceError

Inputs = Mapping[str, Any]

FILES = ("packages/*/*", "logs/*.log", "answers/*.json")
"""Patterns of the files that pruning may remove beside objects."""

IN_USE = "in-use"
"""The name of the lock that builds share and that pruning holds alone."""

NEXT_TO_NOTHING = 1 << 20
"""The free space, in bytes, up to which a file system counts as full."""


@dataclass(frozen=True)
class Cache:
    """A cache in directory `root`.  The first use of the cache makes the directory."""

    root: Path

    def object(self, step: str, key: str) -> Path:
        """The path of a step's object, which need not exist."""
        return self.root / "objects" / f"{step}-{key}"

    def has(self, step: str, key: str) -> bool:
        """Whether the object exists and every file has its recorded size (a crash may truncate files)."""
        path = self.object(step, key)
        try:
            sizes: dict[str, int] = _table(path / "step.json")["sizes"]
            return all((path / name).stat().st_size == size for name, size in sizes.items())
        except (OSError, ValueError, KeyError, AttributeError):
            return False

    def use(self, step: str, key: str) -> Path:
        """The existing object of a step, marked as used now, so that `prune` keeps it."""
        path = self.object(step, key)
        self.touch(path)
        return path

    def touch(self, *objects: Path) -> None:
        """Mark objects as used now."""
        for path in objects:
            os.utime(path / "step.json")

    def produce(self, step: str, key: str, inputs: Inputs, make: Callable[[Path], None]) -> Path:
        """The object of a step, made by `make(directory)` when the cache lacks it.

        When two builds need one object, the first makes it and the second waits.  A rename puts the finished
        object in its place, so that nobody sees half of one.
        """
        target = self.object(step, key)
        with self.lock(f"{step}-{key}"):
            if not self.has(step, key):
                self._discard(target)
                with self.work(step) as directory:
                    make(directory)
                    record = {"inputs": inputs, "sizes": _sizes(directory), "bytes": _disk_usage(directory)}
                    (directory / "step.json").write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")
                    target.parent.mkdir(parents=True, exist_ok=True)
                    directory.rename(target)
        return self.use(step, key)

    @contextlib.contextmanager
    def work(self, name: str) -> Iterator[Path]:
        """A temporary directory in the cache's file system; the end of the block removes it unless it was renamed."""
        directory = self.root / "unfinished" / f"{name}.{uuid.uuid4().hex}"
        with self.lock(directory.name, passing=True):
            self._make_directory(directory)
            try:
                with self._explaining(), self._noticing_full(directory):
                    _inherit_nothing(directory)
                    yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str, *, passing: bool = False) -> Iterator[None]:
        """Hold the lock `name` (flock(2): the kernel drops it when the process dies).

        `passing` is for names that nobody asks for again: the end of the block removes the lock's file.
        """
        path = self._lock_file(name)
        with self._taken(path, fcntl.LOCK_EX):
            try:
                yield
            finally:
                if passing:
                    path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove the directories that killed builds left in `unfinished/`, and return their number."""
        removed = 0
        for directory in sorted((self.root / "unfinished").glob("*")):
            with self._try_lock(directory.name) as free:
                if free:
                    with self._explaining():
                        shutil.rmtree(directory)
                    removed += 1
        return removed

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keep `prune` from removing anything while a build or a lab uses the cache; many may use it at once."""
        with self._taken(self._lock_file(IN_USE), fcntl.LOCK_SH):
            yield

    def prune(self, *, seconds: float = math.inf, size: float = math.inf) -> int | None:
        """Remove objects, packages and logs, the least recently used first.

        Everything unused for `seconds` goes, then more until at most `size` bytes remain.  Return the number of
        bytes freed.  While a build is using the cache, remove nothing and return None.
        """
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._taken(self._lock_file(IN_USE), fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                return None
            self.sweep()
            with self._explaining():
                return self._prune(time.time() - seconds, size)

    def _prune(self, limit: float, size: float) -> int:
        objects = [_object(path) for path in self.root.glob("objects/*")]
        files = [_file(path) for pattern in FILES for path in self.root.glob(pattern)]
        freed, total = 0, sum(kept.size for kept in (*objects, *files))
        for kept in sorted((*objects, *files)):
            if kept.last_use > limit and total - freed <= size:
                break
            freed += kept.size
            self._discard(kept.path)
        return freed

    def last_inputs(self, recipe: str) -> dict[str, Any]:
        """The inputs of each step when `recipe` was last built with this cache; empty when it was never built."""
        return self._read(self.root / "last" / f"{recipe}.json")

    def remember_inputs(self, recipe: str, inputs: Mapping[str, Inputs]) -> None:
        """Record the inputs of each step of `recipe`, for `last_inputs`."""
        self._write(self.root / "last" / f"{recipe}.json", json.dumps(inputs))

    def answer(self, question: str) -> dict[str, Any]:
        """The last recorded answer to `question`; empty when the cache has none."""
        return self._read(self.root / "answers" / f"{question}.json")

    def remember_answer(self, question: str, answer: Mapping[str, Any]) -> None:
        """Record the answer to `question`, for `answer`."""
        self._write(self.root / "answers" / f"{question}.json", json.dumps(answer))

    def pointer(self, name: str, key: str) -> str | None:
        """The value that `set_pointer` recorded last under `name` and `key`, if any."""
        try:
            return self.pointer_file(name, key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def pointer_file(self, name: str, key: str) -> Path:
        """The path of the file that holds a pointer; the file need not exist."""
        return self.root / "pointers" / f"{name}-{key}"

    def set_pointer(self, name: str, key: str, value: str) -> None:
        """Record `value` under `name` and `key`."""
        self._write(self.pointer_file(name, key), value)

    def log(self, name: str) -> Path:
        """The path of the log to which a step's output goes while the step runs; the log of a failed step stays."""
        self._make_directory(self.root / "logs")
        return self.root / "logs" / f"{name}.log"

    def packages(self, suite: str) -> Path:
        """The directory of Debian packages downloaded for `suite`."""
        directory = self.root / "packages" / suite
        self._make_directory(directory)
        return directory

    def free_mib(self) -> int:
        """The free space, in MiB, of the file system in which the cache makes objects."""
        unfinished = self.root / "unfinished"
        self._make_directory(unfinished)
        return shutil.disk_usage(unfinished).free >> 20

    def _read(self, path: Path) -> dict[str, Any]:
        """The object in a small JSON file; empty when the file is missing or damaged."""
        try:
            return _table(path)
        except (OSError, ValueError):
            return {}

    def _write(self, path: Path, text: str) -> None:
        """Write a small file atomically: under another name first, then by a rename."""
        self._make_directory(path.parent)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        with self._explaining():
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)

    def _discard(self, path: Path) -> None:
        """Remove an object: first rename it away, so that it disappears at once, then delete its files."""
        if path.exists():
            with self.work("discarded") as aside:
                path.rename(aside / path.name)

    @contextlib.contextmanager
    def _try_lock(self, name: str) -> Iterator[bool]:
        path = self._lock_file(name)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._taken(path, fcntl.LOCK_EX | fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            try:
                yield True
            finally:
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _taken(self, path: Path, how: int) -> Iterator[None]:
        """Hold a lock file locked.

        The previous holder may have removed the file meanwhile.  The lock is then on a file without a name, so that
        the loop opens and locks the file anew.
        """
        while True:
            with self._opened(path) as file:
                fcntl.flock(file, how)
                if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    yield
                    return

    def _opened(self, path: Path) -> IO[str]:
        self._make_directory(path.parent)
        with self._explaining():
            return path.open("w", encoding="utf-8")

    def _lock_file(self, name: str) -> Path:
        return self.root / "locks" / f"{name}.lock"

    def _make_directory(self, path: Path) -> None:
        with self._explaining():
            ownership.make_directories(self.root.parent)  # such as ~/.cache of the person who called sudo
            path.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def _noticing_full(self, directory: Path) -> Iterator[None]:
        """Report a full cache when a command failed in the block and the file system of `directory` is full.

        Not every program names a full disk as the reason: tar(1) may say that it wrote fewer bytes than it should.
        """
        try:
            yield
        except NfsrootError as error:
            if shutil.disk_usage(directory).free > NEXT_TO_NOTHING:
                raise
            explained = self._explained(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            explained.details = error.details
            raise explained from error

    @contextlib.contextmanager
    def _explaining(self) -> Iterator[None]:
        """Turn an OSError of the cache's file system into an error that says what the user can do."""
        try:
            yield
        except BrokenPipeError:
            raise  # the reader of our output has gone: nothing is wrong with the cache
        except OSError as error:
            raise self._explained(error) from error

    def _explained(self, error: OSError) -> NfsrootError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return NoSpaceError(
                f"no space left for the cache in {self.root}",
                resolution="Free some with `nfsroot clean`, or name another place with --cache-dir.",
            )
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return NfsrootError(
                f"the cache in {self.root} cannot be written: {error.strerror}",
                resolution="Name another place with --cache-dir.",
            )
        return NfsrootError(f"the cache in {self.root} failed: {error}")


def _inherit_nothing(directory: Path) -> None:
    """Remove what a new directory inherits from its parent: ACLs (acl(5)) and the set-group-ID bit.

    The files of a tree that is made in the directory would take modes and groups from them.
    """
    for acl in ("system.posix_acl_default", "system.posix_acl_access"):
        with contextlib.suppress(OSError):  # the directory has no ACL, or its file system knows none
            os.removexattr(directory, acl)
    directory.chmod(0o755)


class _Kept(NamedTuple):
    """An object or a file that the cache keeps: its last use (seconds since 1970), size in bytes, and path."""

    last_use: float
    size: int
    path: Path


def _file(path: Path) -> _Kept:
    status = path.stat()
    return _Kept(status.st_mtime, status.st_size, path)


def _object(path: Path) -> _Kept:
    """The record of an object, with the time of `step.json` as its last use; without `step.json`, 1970."""
    try:
        used = (path / "step.json").stat().st_mtime
        recorded = _table(path / "step.json").get("bytes")
    except (OSError, ValueError):
        used, recorded = 0.0, None
    return _Kept(used, _disk_usage(path) if recorded is None else recorded, path)


def _table(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    :raises ValueError: the file is damaged, or holds another kind of value.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except RecursionError:
        content = None
    if not isinstance(content, dict):
        raise ValueError(f"{file} holds no JSON object")
    return content


def _disk_usage(directory: Path) -> int:
    return sum(path.lstat().st_size for path in directory.rglob("*") if not path.is_dir())


def _sizes(directory: Path) -> dict[str, int]:
    """The size in bytes of every regular file at the top of an object (a builder image holds whole trees)."""
    return {entry.name: entry.stat().st_size for entry in directory.iterdir() if entry.is_file()}
