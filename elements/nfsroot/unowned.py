"""The files of a tree that no package ships, and the packages that own the directories around a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

INFO = "var/lib/dpkg/info"
NOT_OURS = ("dev", "proc", "run", "sys", "tmp", "var/lib/dpkg", "var/tmp")
"""The directories to skip: filled by the kernel, empty, or dpkg's own."""


def unowned(tree: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files that are in no package's list, in order: path relative to `tree`, lstat(2)'s result."""
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
    """The targets of the tree's links at its top, such as `usr/lib` for `lib`, by name (file-hierarchy(7))."""
    return {entry.name: f"usr/{entry.name}" for entry in tree.iterdir() if entry.is_symlink()}


def canonical(path: str, aliases: dict[str, str]) -> str:
    """The path under which a file of a package's list stands in the tree, without the slash at its beginning."""
    if path.startswith("/usr/"):  # most are, and there are tens of thousands
        return path[1:].rstrip("/")
    top, slash, rest = path.strip("/").partition("/")
    return f"{aliases.get(top, top)}{slash}{rest}" if slash else top


def lines(listing: Path) -> list[str]:
    """The paths in a package's list.  Names that are no UTF-8 keep their bytes, as in os.walk."""
    return listing.read_text("utf-8", "surrogateescape").splitlines()


def nearest(tree: Path, path: str) -> list[str]:
    """The packages that own the nearest directory above `path`; directories of many packages do not count."""
    owners: dict[str, list[str]] = {}
    aliases = aliases_of(tree)
    for listing in sorted((tree / INFO).glob("*.list")):
        for line in lines(listing):
            owners.setdefault(canonical(line, aliases), []).append(listing.name.removesuffix(".list").partition(":")[0])
    near = (owners.get(str(parent), []) for parent in PurePosixPath(path).parents)
    return next((packages for packages in near if 0 < len(packages) < 4), [])
