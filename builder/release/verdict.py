"""The one thing about a release that changes after it was made: what the lab found."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from builder.release.manifest import FILE, SUMS, Lab, Manifest


def record(directory: Path, lab: Lab) -> None:
    """Write the lab's verdict into the manifest of the release in `directory`, and its line of SHA256SUMS.

    :raises InputError: there is no manifest.
    """
    text = Manifest.read(directory).model_copy(update={"lab": lab}).text().encode()
    sums = (directory / SUMS).read_text().splitlines(keepends=True)
    line = f"{hashlib.sha256(text).hexdigest()}  {FILE}\n"
    changed = [line if old.endswith(f"  {FILE}\n") else old for old in sums]
    replace(directory / FILE, text)
    replace(directory / SUMS, "".join(changed).encode())


def replace(path: Path, content: bytes) -> None:
    """Write a file of a release so that nobody ever sees half of it; it belongs to who owns the release."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    owner = path.parent.stat()
    with unfinished.open("wb") as file:
        file.write(content)
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
