"""Keys: pure functions over declared inputs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


def key_of(inputs: Mapping[str, Any]) -> str:
    """The key of declared inputs: 24 hexadecimal digits (96 bits) of SHA-256 over their canonical JSON.

    :raises TypeError: an input has no JSON form; one that were turned into words by chance would make a chance key.
    """
    canonical = json.dumps(inputs, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def digest_of_files(root: Path, patterns: Iterable[str] = ("*",)) -> str:
    """SHA-256 over name, executable bit and content of every file below `root` that matches a pattern.

    Python's own byproducts do not count, so that an installed copy and a checkout give one digest.
    """
    digest = hashlib.sha256()
    chosen = tuple(patterns)
    files = {name: entry for name, entry in _files(root) if any(fnmatchcase(entry.name, each) for each in chosen)}
    for name in sorted(files, key=lambda name: name.split("/")):
        status = files[name].stat()
        digest.update(f"{name}\0{int(bool(status.st_mode & 0o100))}\0{status.st_size}\0".encode())
        digest.update(Path(files[name]).read_bytes())
    return digest.hexdigest()


def _files(directory: Path, below: str = "") -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file, by its name `below` the directory that was asked for.

    A build looks at hundreds, of which os.scandir() knows in half of the time what pathlib asks for each.
    """
    for entry in os.scandir(directory):
        name = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "__pycache__":
                yield from _files(Path(entry), f"{name}/")
        elif entry.is_file():
            yield name, entry
