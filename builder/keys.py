"""Keys: pure functions over declared inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    files = {path for pattern in patterns for path in root.rglob(pattern) if path.is_file()}
    for path in sorted(files):
        if "__pycache__" in path.parts:
            continue
        executable = bool(path.stat().st_mode & 0o100)
        header = f"{path.relative_to(root)}\0{int(executable)}\0{path.stat().st_size}\0"
        digest.update(header.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
