"""Checks that each file system has room for a release before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.errors import NoSpaceError
from builder.store.tree_entries import Entry

BLOCK = 4096
"""The unit in which file systems give room, in bytes."""

SPARE = 16 << 20
"""Bytes that stay free on each file system."""


@dataclass(frozen=True)
class Need:
    """The bytes and the inodes that are needed below a directory, which may not be there yet."""

    directory: Path
    size: int
    inodes: int


def tree_need(directory: Path, entries: Mapping[str, Entry]) -> Need:
    """The room for a tree with these entries."""
    blocks = sum(max(1, -(-entry.size // BLOCK)) for entry in entries.values() if entry.kind in "fd")
    return Need(directory, blocks * BLOCK, len(entries) + 1)


def check_room(needs: Iterable[Need]) -> None:
    """Refuse to unpack where file systems have less room than is needed.

    :raises NoSpaceError: a file system has too few bytes or inodes.
    """
    together: dict[int, Need] = {}
    for need in needs:
        place = _existing(need.directory)
        device = place.stat().st_dev
        before = together.get(device, Need(place, SPARE, 0))
        together[device] = Need(before.directory, before.size + need.size, before.inodes + need.inodes)
    for need in together.values():
        _check(need)


def _check(need: Need) -> None:
    there = os.statvfs(need.directory)
    free = there.f_bavail * there.f_frsize
    if free < need.size:
        raise NoSpaceError(
            f"the file system of {need.directory} has {free / 1e6:.0f} MB free, and the release needs "
            f"{need.size / 1e6:.0f} MB",
            resolution="Make room there: `nfsroot-site prune` removes releases that no node uses.",
        )
    if there.f_files and there.f_favail < need.inodes:  # btrfs makes inodes as it needs them, and names no number
        raise NoSpaceError(
            f"the file system of {need.directory} has {there.f_favail} inodes free, and the release needs "
            f"{need.inodes}",
            resolution="Make room there: `nfsroot-site prune` removes releases that no node uses.",
        )


def _existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    return path if path.exists() else _existing(path.parent)
