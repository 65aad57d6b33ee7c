"""Releases of a few kilobytes, with real files, manifests and parts."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def described(path: str, parts: Sequence[bytes]) -> dict[str, Any]:
    """A file of a manifest."""
    content = b"".join(parts)
    return {
        "path": path,
        "size": len(content),
        "sha256": digest(content),
        "parts": [{"sha256": digest(part), "size": len(part)} for part in parts],
    }


def make_release(
    directory: Path,
    *,
    name: str = "small",
    version: str = "1.0",
    files: Mapping[str, Sequence[bytes]] | None = None,
    lab: str = "passed",
    **fields: Any,
) -> Path:
    """A release in `directory`/NAME/VERSION, with the lab's verdict."""
    release = directory / name / version
    release.mkdir(parents=True)
    made = files if files is not None else some_files(version)
    for path, parts in made.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_bytes(b"".join(parts))
    manifest = {
        "schema_version": 2,
        "name": name,
        "version": version,
        "content": digest(version.encode()),
        "source_date": 1767225600,
        "kernel_version": "6.12.1-amd64",
        "server_directory": f"/NFSROOT/{name}/{version}",
        "recipe": {"debian": {"architecture": "amd64"}, "login": {"root_password_hash": None}, "variables": {}},
        "tools": {"nfsroot": "0.0"},
        "steps": {},
        "files": [described(path, parts) for path, parts in made.items()],
        "packages": [{"name": "openssl", "version": "3.5.1-1", "architecture": "amd64", "source": "openssl"}],
        **fields,
    }
    text = json.dumps(manifest, indent=1).encode()
    (release / "manifest.json").write_bytes(text)
    if lab:
        (release / "lab.json").write_text(json.dumps({"manifest": digest(text), "verdict": lab}))
    return release


def some_files(seed: str) -> dict[str, list[bytes]]:
    """Files of which the first part differs with the seed, and the others are always the same."""
    same = random.Random("the same in each release")
    own = random.Random(seed)
    shared = [same.randbytes(size) for size in (4096, 1, 70_000)]
    return {
        f"small-{seed}-root.tar.zst": [own.randbytes(1000), *shared],
        "server.tar.gz": [shared[0], own.randbytes(10)],
        "loaders/pxegrub.0": [shared[1]],
        "empty": [b""],
    }
