"""The cache of steps: immutable objects, each under the key of the step that made it.

Layout below the cache's directory:

    objects/STEP-KEY/   what a step made, with `step.json` beside it: the inputs, sizes of its files and of all of it
    unfinished/         objects in the making; a lock tells a living one from what a killed build left
    pointers/NAME-KEY   which object is the present one, where that is not a matter of inputs (the archive)
    answers/KEY.json    what a build found when it was asked something, and the files that this came from
    last/RECIPE.json    the inputs of each step when the recipe was last built, so that a miss can say why
    packages/SUITE/     Debian packages downloaded once, each under its SHA-256, and with a digest of its own beside it
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
"""What pruning looks at beside objects."""

IN_USE = "in-use"
"""The lock that builds share and that pruning takes for itself."""

NEXT_TO_NOTHING = 1 << 20
"""Bytes free on a file system that is as good as full."""


@dataclass(frozen=True)
class Cache:
    """A cache in directory `root`, which is made when it is first used."""

    root: Path

    def object(self, step: str, key: str) -> Path:
        """Where the object of a step stands, whether it is there or not."""
        return self.root / "objects" / f"{step}-{key}"

    def has(self, step: str, key: str) -> bool:
        """Whether the object is there with every file at its recorded size (a crash may truncate files)."""
        path = self.object(step, key)
        try:
            sizes: dict[str, int] = _table(path / "step.json")["sizes"]
            return all((path / name).stat().st_size == size for name, size in sizes.items())
        except (OSError, ValueError, KeyError, AttributeError):
            return False

    def use(self, step: str, key: str) -> Path:
        """The object of a step that is there, marked as used now, so that `prune` keeps it."""
        path = self.object(step, key)
        self.touch(path)
        return path

    def touch(self, *objects: Path) -> None:
        """Mark objects as used now."""
        for path in objects:
            os.utime(path / "step.json")

    def produce(self, step: str, key: str, inputs: Inputs, make: Callable[[Path], None]) -> Path:
        """The object of a step, made by `make(directory)` when it is missing.

        Two builds that need the same object make it once: the second waits.  The object appears whole, by a
        rename, or not at all.
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
        """A temporary directory in the cache's file system, removed at the end unless it was renamed away."""
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

        A `passing` lock's file is removed at the end: nobody will ask for that name again.
        """
        path = self._lock_file(name)
        with self._taken(path, fcntl.LOCK_EX):
            try:
                yield
            finally:
                if passing:
                    path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what builds that were killed left in `unfinished/`; the number of directories removed."""
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
        """Keep everything in the cache where it is, as long as a build or a lab works with it; many may at once."""
        with self._taken(self._lock_file(IN_USE), fcntl.LOCK_SH):
            yield

    def prune(self, *, seconds: float = math.inf, size: float = math.inf) -> int | None:
        """Remove objects, packages and logs, the least recently used first.

        Those unused for `seconds` go, and as many more as it takes until `size` bytes at most remain.  Returns how
        many bytes that frees; None, and nothing goes, while a build is using the cache.
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
        """The inputs of each step when `recipe` was last built here; empty when it never was."""
        return self._read(self.root / "last" / f"{recipe}.json")

    def remember_inputs(self, recipe: str, inputs: Mapping[str, Inputs]) -> None:
        """Record the inputs of each step of `recipe`, for `last_inputs`."""
        self._write(self.root / "last" / f"{recipe}.json", json.dumps(inputs))

    def answer(self, question: str) -> dict[str, Any]:
        """What was remembered last as the answer to `question`; empty when nothing was."""
        return self._read(self.root / "answers" / f"{question}.json")

    def remember_answer(self, question: str, answer: Mapping[str, Any]) -> None:
        """Record an answer, for `answer`."""
        self._write(self.root / "answers" / f"{question}.json", json.dumps(answer))

    def pointer(self, name: str, key: str) -> str | None:
        """What `set_pointer` recorded last under `name` and `key`, if anything."""
        try:
            return self.pointer_file(name, key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def pointer_file(self, name: str, key: str) -> Path:
        """The file that holds a pointer, if there is one."""
        return self.root / "pointers" / f"{name}-{key}"

    def set_pointer(self, name: str, key: str, value: str) -> None:
        """Record `value` under `name` and `key`."""
        self._write(self.pointer_file(name, key), value)

    def log(self, name: str) -> Path:
        """Where the output of a step goes while it runs; it stays when the step fails."""
        self._make_directory(self.root / "logs")
        return self.root / "logs" / f"{name}.log"

    def packages(self, suite: str) -> Path:
        """The directory of Debian packages downloaded for `suite`."""
        directory = self.root / "packages" / suite
        self._make_directory(directory)
        return directory

    def free_mib(self) -> int:
        """The room that is free where objects are made, in MiB."""
        unfinished = self.root / "unfinished"
        self._make_directory(unfinished)
        return shutil.disk_usage(unfinished).free >> 20

    def _read(self, path: Path) -> dict[str, Any]:
        """A small file of JSON; empty when it is not there, or damaged."""
        try:
            return _table(path)
        except (OSError, ValueError):
            return {}

    def _write(self, path: Path, text: str) -> None:
        """Write a small file as a whole: under another name first, then by a rename."""
        self._make_directory(path.parent)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        with self._explaining():
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)

    def _discard(self, path: Path) -> None:
        """Take an object away at once (a rename), then delete it."""
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
        """The lock file, locked.  Who held it before may have removed it: then the lock is on another file."""
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
            ownership.make_directories(self.root.parent)  # such as the ~/.cache of who called sudo
            path.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def _noticing_full(self, directory: Path) -> Iterator[None]:
        """Say that the cache is full when a command failed that wrote to `directory`, and no room is left there.

        Not every program says that this is why: tar(1) may say that it wrote less than it was to write.
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
        """Say in the user's terms why the cache's file system refuses something."""
        try:
            yield
        except BrokenPipeError:
            raise  # who read what we print has gone: nothing is wrong with the cache
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
    """Take away what a new directory has from the one that it is in: its ACLs (acl(5)) and its set-group-ID bit.

    A tree may be made in it, whose files would get modes and groups by them.
    """
    for acl in ("system.posix_acl_default", "system.posix_acl_access"):
        with contextlib.suppress(OSError):  # it has none, or its file system does not know them
            os.removexattr(directory, acl)
    directory.chmod(0o755)


class _Kept(NamedTuple):
    """Something that the cache keeps: seconds since 1970 of its last use, and its size in bytes."""

    last_use: float
    size: int
    path: Path


def _file(path: Path) -> _Kept:
    status = path.stat()
    return _Kept(status.st_mtime, status.st_size, path)


def _object(path: Path) -> _Kept:
    """An object: a use of it touches its `step.json`, and one that has none is of no use."""
    try:
        used = (path / "step.json").stat().st_mtime
        recorded = _table(path / "step.json").get("bytes")
    except (OSError, ValueError):
        used, recorded = 0.0, None
    return _Kept(used, _disk_usage(path) if recorded is None else recorded, path)


def _table(file: Path) -> dict[str, Any]:
    """A file's JSON object.

    :raises ValueError: it is damaged, or holds something else.
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
    """Size in bytes of every regular file at the top of an object (a builder image holds whole trees)."""
    return {entry.name: entry.stat().st_size for entry in directory.iterdir() if entry.is_file()}
