"""Packages that the files of a tree belong to, as dpkg(1) has it in the tree."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

DPKG = Path("var/lib/dpkg")
LIST = ".list"
MERGED = b"usr/"
"""What links such as /bin lead to; packages may still have files below the links (Debian's usrmerge)."""


def find_owners(tree: Path) -> dict[bytes, bytes]:
    """The package of each path that one brings into `tree`, by the name of its list: `coreutils`, `libc6:amd64`.

    Directories are among the paths.  Of several packages with one file the first one counts.
    """
    merged = {os.fsencode(entry.name) for entry in os.scandir(tree) if _leads_to_usr(entry)}
    diverted = read_diversions(tree / DPKG / "diversions", merged)
    owners: dict[bytes, bytes] = {}
    for file in sorted((tree / DPKG / "info").glob(f"*{LIST}")):
        package = os.fsencode(file.name.removesuffix(LIST))
        name = package.partition(b":")[0]
        for path in read_paths(file.read_bytes().splitlines(), merged):
            place, by = diverted.get(path, (path, name))
            owners.setdefault(path if by == name else place, package)
    return owners


def read_paths(lines: Iterable[bytes], merged: set[bytes]) -> list[bytes]:
    """Absolute paths as a tree has them, relative to it, where the `merged` of its directories are links below /usr."""
    paths = (line.lstrip(b"/") for line in lines)
    return [MERGED + path if path.partition(b"/")[0] in merged else path for path in paths]


def read_diversions(file: Path, merged: set[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """Where a file goes that a package diverts, and that package, by the file's own path (dpkg-divert(1)).

    Three lines of the file are a diversion; a package's name in the last one, or a colon for the administrator.
    """
    lines = file.read_bytes().splitlines() if file.exists() else []
    paths, places = read_paths(lines[0::3], merged), read_paths(lines[1::3], merged)
    return {path: (place, by) for path, place, by in zip(paths, places, lines[2::3], strict=True)}


def _leads_to_usr(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and os.readlink(entry.path) == f"{os.fsdecode(MERGED)}{entry.name}"  # noqa: PTH115
