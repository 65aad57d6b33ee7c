"""Compression: time against size of a tree's archive, level by level."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LEVELS = (1, 2, 3, 4, 6, 9, 12, 15)


@dataclass(frozen=True)
class Level:
    """A level of zstd with all processors at work: seconds that it takes, and the result's size in bytes."""

    level: int
    seconds: float
    size: int


def curve(archive: Path, room: Path) -> list[Level]:
    """The levels of zstd(1) for a release's root tarball `archive`, which is unpacked to a plain one first."""
    plain, packed = room / "root.tar", room / "root.tar.zst"
    subprocess.run(["zstd", "-q", "-d", "-f", archive, "-o", plain], check=True)
    found = []
    for level in LEVELS:
        began = time.monotonic()
        subprocess.run(["zstd", "-q", "-f", f"-{level}", f"-T{os.cpu_count()}", plain, "-o", packed], check=True)
        found.append(Level(level, time.monotonic() - began, packed.stat().st_size))
    plain.unlink()
    packed.unlink()
    return found
