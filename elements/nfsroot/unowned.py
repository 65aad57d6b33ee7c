"""Files of a tree that no package ships, and packages that are near to a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

INFO = "var/lib/dpkg/info"
NOT_OURS = ("dev", "proc", "run", "sys", "tmp", "var/lib/dpkg", "var/tmp")
"""Directories that are the kernel's, empty, or dpkg's own."""


def unowned(tree: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Regular files that stand in no package's list, in order: paths relative to `tree`, and lstat(2)'s answers."""
    shipped: set[str] = set()
    aliases = aliases_of(tree)
    for listing in (tree / INFO).glob("*.list"):
        shipped.update(canonical(line, aliases) for line in lines(listing))
    top = os.path.join(tree, "")  # noqa: PTH118
    for directory, directories, files in os.walk(top):
        place = directory.removeprefix(top)
        prefix = f"{place}/" if place else ""
        directories[:] = sorted(name for name in directories if f"{prefix}{name}" not in NOT_OURS)
        for name in sorted(files):
            path = f"{prefix}{name}"
            if path not in shipped and stat.S_ISREG((status := os.lstat(os.path.join(directory, name))).st_mode):  # noqa: PTH118
                yield path, status


def aliases_of(tree: Path) -> dict[str, str]:
    """Directories that are links to those of their name in /usr, by name (file-hierarchy(7))."""
    return {entry.name: f"usr/{entry.name}" for entry in tree.iterdir() if entry.is_symlink()}


def canonical(path: str, aliases: dict[str, str]) -> str:
    """A path as it is found in the tree, without the slash at its beginning."""
    if path.startswith("/usr/"):  # most are, and there are tens of thousands
        return path[1:].rstrip("/")
    top, slash, rest = path.strip("/").partition("/")
    return f"{aliases.get(top, top)}{slash}{rest}" if slash else top


def lines(listing: Path) -> list[str]:
    """The paths in a package's list; names that are no UTF-8 keep their bytes, as those of os.walk do."""
    return listing.read_text("utf-8", "surrogateescape").splitlines()


def nearest(tree: Path, path: str) -> list[str]:
    """Packages to which the nearest directory above a path belongs that is of few packages, if there is one."""
    owners: dict[str, list[str]] = {}
    aliases = aliases_of(tree)
    for listing in sorted((tree / INFO).glob("*.list")):
        for line in lines(listing):
            owners.setdefault(canonical(line, aliases), []).append(listing.name.removesuffix(".list").partition(":")[0])
    near = (owners.get(str(parent), []) for parent in PurePosixPath(path).parents)
    return next((packages for packages in near if 0 < len(packages) < 4), [])
