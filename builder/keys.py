"""Keys: pure functions over declared inputs."""

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

    :raises TypeError: an input has no JSON form; one that were turned into words by chance would make a chance key.
    """
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def digest_of_files(root: Path, patterns: Iterable[str] = ("*",), without: Collection[str] = ()) -> str:
    """SHA-256 over what is below `root` and has a name that matches one of `patterns`; see `entries`.

    Of a file its name, its executable bit and its content count, of a symbolic link its name and its target, of a
    directory its name.
    """
    digest, chosen = hashlib.sha256(), tuple(patterns)
    for name in _names(root, without):
        if "*" in chosen or any(fnmatchcase(name.rpartition("/")[2], pattern) for pattern in chosen):
            _add(digest, os.path.join(root, name), name)  # noqa: PTH118
    return digest.hexdigest()


def entries(root: Path, without: Collection[str] = ()) -> list[Path]:
    """Everything below `root`, sorted, but for what has a name at its top that matches one of the patterns `without`.

    Python's own byproducts do not count, so that an installed copy and a checkout give one digest.  Links are not
    followed.
    """
    return [root / name for name in _names(root, without)]


def _names(root: Path, without: Collection[str]) -> list[str]:
    """The paths of `entries`, relative to `root`, as text: a build looks at hundreds, and a Path of each takes long."""
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
    """Have a file, a link or a directory counted under `name`; nothing else that there may be has a content."""
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
    """Whether a file may be executed by its owner: of its mode, git too keeps no more."""
    return bool(status.st_mode & stat.S_IXUSR)
