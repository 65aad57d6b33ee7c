"""Compression: time against size of what a release holds compressed, level by level."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TREE_LEVELS = (1, 2, 3, 4, 6, 9, 12, 15)
INITRAMFS_LEVELS = (1, 3, 6, 9, 12, 15, 17, 19)


@dataclass(frozen=True)
class Level:
    """A level of zstd: seconds that it takes, and the result's size in bytes."""

    level: int
    seconds: float
    size: int


def of_tree(tarball: Path, room: Path) -> list[Level]:
    """The levels of zstd(1) for a release's root tarball, with all processors at work, as it is made."""
    return _curve(tarball, room, TREE_LEVELS, os.cpu_count() or 1)


def of_initramfs(initramfs: Path, room: Path) -> list[Level]:
    """The levels of zstd(1) for an initramfs, with one processor at work, as mkinitramfs(8) does it."""
    return _curve(initramfs, room, INITRAMFS_LEVELS, 1)


def _curve(compressed: Path, room: Path, levels: Iterable[int], processors: int) -> list[Level]:
    plain, packed = room / "plain", room / "packed.zst"
    subprocess.run(["zstd", "-q", "-d", "-f", compressed, "-o", plain], check=True)
    found = []
    for level in levels:
        began = time.monotonic()
        subprocess.run(["zstd", "-q", "-f", f"-{level}", f"-T{processors}", plain, "-o", packed], check=True)
        found.append(Level(level, time.monotonic() - began, packed.stat().st_size))
    plain.unlink()
    packed.unlink()
    return found
