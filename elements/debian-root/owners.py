"""The packages to which the files of a tree belong, from the tree's dpkg(1)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

DPKG = Path("var/lib/dpkg")
LIST = ".list"
MERGED = b"usr/"
"""The directory to which links such as /bin lead; packages may have files below the links (Debian's usrmerge)."""


def find_owners(tree: Path) -> dict[bytes, bytes]:
    """The packages of the paths in `tree`, by path; a package has the name of its list: `coreutils`, `libc6:amd64`.

    Directories are among the paths.  Of several packages with one path, the first counts.
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
    """The places of absolute paths in a tree, relative to the tree; directories in `merged` are links into /usr."""
    paths = (line.lstrip(b"/") for line in lines)
    return [MERGED + path if path.partition(b"/")[0] in merged else path for path in paths]


def read_diversions(file: Path, merged: set[bytes]) -> dict[bytes, tuple[bytes, bytes]]:
    """The new path of each diverted file, and the package that diverts it, by the original path (dpkg-divert(1)).

    A diversion has three lines in `file`; the last is the package's name, or a colon for the administrator.
    """
    lines = file.read_bytes().splitlines() if file.exists() else []
    paths, places = read_paths(lines[0::3], merged), read_paths(lines[1::3], merged)
    return {path: (place, by) for path, place, by in zip(paths, places, lines[2::3], strict=True)}


def _leads_to_usr(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and os.readlink(entry.path) == f"{os.fsdecode(MERGED)}{entry.name}"  # noqa: PTH115
