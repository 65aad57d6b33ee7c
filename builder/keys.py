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
    for path in entries(root, without):
        if any(fnmatchcase(path.name, pattern) for pattern in chosen):
            _add(digest, path, str(path.relative_to(root)))
    return digest.hexdigest()


def entries(root: Path, without: Collection[str] = ()) -> list[Path]:
    """Everything below `root`, sorted, but for what has a name at its top that matches one of the patterns `without`.

    Python's own byproducts do not count, so that an installed copy and a checkout give one digest.  Links are not
    followed.
    """
    found: list[Path] = []
    # A build looks at hundreds of files: Path.rglob() would take twice as long.
    for directory, directories, names in os.walk(root):
        if "__pycache__" in directories:
            directories.remove("__pycache__")
        found += [Path(directory, name) for name in (*directories, *names)]
    if without:
        top = len(root.parts)
        found = [path for path in found if not any(fnmatchcase(path.parts[top], pattern) for pattern in without)]
    return sorted(found)


def _add(digest: hashlib._Hash, path: Path, name: str) -> None:
    """Have a file, a link or a directory counted under `name`; nothing else that there may be has a content."""
    status = path.lstat()
    if stat.S_ISREG(status.st_mode):
        digest.update(os.fsencode(f"{name}\0{int(is_executable(status))}\0{status.st_size}\0"))
        digest.update(path.read_bytes())
    elif stat.S_ISLNK(status.st_mode):
        digest.update(os.fsencode(f"{name}\0link\0{path.readlink()}\0"))
    elif stat.S_ISDIR(status.st_mode):
        digest.update(os.fsencode(f"{name}\0directory\0"))


def is_executable(status: os.stat_result) -> bool:
    """Whether a file may be executed by its owner: of its mode, git too keeps no more."""
    return bool(status.st_mode & stat.S_IXUSR)
