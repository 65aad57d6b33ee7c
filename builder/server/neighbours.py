"""Exports that share a file system although nodes may write to some and only read others.

An export with `no_subtree_check` is access to its whole file system for whoever makes up file handles (exports(5)).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

EXPORTS = Path("/etc/exports.d")
MARK = "ade by nfsroot"
EXPORT = re.compile(r"^(/\S+) \S+\((r[ow]),[a-z]+,no_root_squash,", re.MULTILINE)
"""An export on which root of a node is root; exports of nodes' reports do not match, for there it is nobody."""


def exported(directory: Path = EXPORTS) -> Iterator[tuple[str, bool]]:
    """Paths that server bundles export on this machine, each with whether nodes may write to it."""
    for file in sorted(directory.glob("*.exports")):
        text = file.read_text(encoding="utf-8", errors="replace")
        if MARK in text:
            yield from ((path, access == "rw") for path, access in EXPORT.findall(text))


def device(path: str) -> int | None:
    """The file system of a path (stat(2), st_dev); None when it is not there."""
    try:
        return Path(path).stat().st_dev
    except OSError:
        return None


def cautions(exports: Iterable[tuple[str, bool]], device: Callable[[str], int | None] = device) -> list[str]:
    """A sentence for each file system on which nodes may write to an export, and only read another."""
    by_device: dict[int, dict[bool, list[str]]] = defaultdict(lambda: {True: [], False: []})
    for path, writable in exports:
        if (number := device(path)) is not None:
            by_device[number][writable].append(path)
    return [
        f"root of a node can write to {', '.join(kinds[False])}: on that file system it may write to "
        f"{', '.join(kinds[True])}, and NFS keeps no exports apart. Give what nodes write to a file system of its own."
        for kinds in by_device.values()
        if kinds[True] and kinds[False]
    ]
