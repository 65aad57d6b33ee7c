"""The keys of steps, and the digests of files in them: pure functions over declared inputs."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


def key_of(inputs: Mapping[str, Any]) -> str:
    """The key of declared inputs: 24 hexadecimal digits (96 bits) of SHA-256 over their canonical JSON.

    :raises TypeError: an input has no JSON form.  `str` could give it another text in each run, and so another key.
    """
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def digest_of_files(root: Path, patterns: Iterable[str] = ("*",), without: Collection[str] = ()) -> str:
    """The SHA-256 over the `entries` below `root` whose names match one of `patterns`.

    Of a file the path, the executable bit and the content count; of a symbolic link the path and the target; of a
    directory the path.
    """
    digest, chosen = hashlib.sha256(), tuple(patterns)
    for name in _names(root, without):
        if "*" in chosen or any(fnmatchcase(name.rpartition("/")[2], pattern) for pattern in chosen):
            _add(digest, os.path.join(root, name), name)  # noqa: PTH118
    return digest.hexdigest()


def digest_of_times(root: Path) -> str:
    """The SHA-256 over all entries below `root`: their paths, and of each file the size and the time of its change.

    It takes a third of the time that reading the files takes.  The kernel sets the time of change (ctime, inode(7))
    whenever a file's content, name or mode changes, and no program can set it to another time.
    """
    digest = hashlib.sha256()
    for name in _names(root, ()):
        status = os.lstat(os.path.join(root, name))  # noqa: PTH118
        # A directory's time also changes when Python writes the compiled modules in it.
        change = None if stat.S_ISDIR(status.st_mode) else (status.st_size, status.st_ctime_ns)
        digest.update(os.fsencode(f"{name}\0{change}\0"))
    return digest.hexdigest()


def entries(root: Path, without: Collection[str] = ()) -> list[Path]:
    """All paths below `root`, sorted, except entries at its top whose names match one of the patterns `without`.

    `__pycache__` is left out, so that an installed copy and a checkout give one digest.  Links are not followed.
    """
    return [root / name for name in _names(root, without)]


def _names(root: Path, without: Collection[str]) -> list[str]:
    """The paths of `entries` as strings, relative to `root`: a build looks at hundreds, and making Paths is slow."""
    found: list[str] = []
    top = os.path.join(root, "")  # noqa: PTH118
    for directory, directories, names in os.walk(top):
        if "__pycache__" in directories:
            directories.remove("__pycache__")
        place = directory.removeprefix(top)
        found += [f"{place}/{name}" if place else name for name in (*directories, *names)]
    if without:
        found = [name for name in found if not any(fnmatchcase(name.partition("/")[0], each) for each in without)]
    return sorted(found, key=lambda name: name.split("/"))


def _add(digest: hashlib._Hash, path: str, name: str) -> None:
    """Add a file, a link or a directory to `digest` under `name`; sockets, pipes and devices do not count."""
    status = os.lstat(path)
    if stat.S_ISREG(status.st_mode):
        digest.update(os.fsencode(f"{name}\0{int(is_executable(status))}\0{status.st_size}\0"))
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            digest.update(file.read())
    elif stat.S_ISLNK(status.st_mode):
        digest.update(os.fsencode(f"{name}\0link\0{os.readlink(path)}\0"))  # noqa: PTH115
    elif stat.S_ISDIR(status.st_mode):
        digest.update(os.fsencode(f"{name}\0directory\0"))


def is_executable(status: os.stat_result) -> bool:
    """Whether the owner of a file may execute it.  git keeps no other bit of a file's mode either."""
    return bool(status.st_mode & stat.S_IXUSR)
