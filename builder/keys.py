"""Keys: pure functions over declared inputs."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
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
    digest, chosen = hashlib.sha256(), tuple(patterns)
    files: list[Path] = []
    # A build looks at hundreds of files: Path.rglob() would take twice as long.
    for directory, directories, names in os.walk(root):
        if "__pycache__" in directories:
            directories.remove("__pycache__")
        files += [Path(directory, name) for name in names if any(fnmatchcase(name, each) for each in chosen)]
    for path in sorted(files):
        if path.is_file():
            status = path.stat()
            executable = bool(status.st_mode & 0o100)
            digest.update(f"{path.relative_to(root)}\0{int(executable)}\0{status.st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
