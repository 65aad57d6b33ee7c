"""Compares the packages of two releases: whether their versions went up, and which changes are for security.

A manifest has for each package the newest version in the security archive that the tree's version is not older than,
when the tree was made.  So an update from below that version to the tree's brings the fix, through any archive.  Older
manifests do not have this version: then only the form of a version tells that Debian updated a stable release
(`+deb13u2`, `~deb12u1`), for security or otherwise.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from builder.debian.relations import version_key

STABLE_UPDATE = re.compile(r"[+~]deb\d+u\d+")
"""A mark in the version of a package that a stable release updated (Debian developers' reference, section 5.11.2)."""
NUMBERS = re.compile(r"\d+(?:\.\d+)*(?:\+deb\d+)?")
"""The version in the names of packages that are named by it, such as linux-image-6.12.118+deb13-amd64."""


class Package(Protocol):
    """A Debian package, as a manifest lists it (builder.release.manifest.Package)."""

    @property
    def name(self) -> str:
        """The package's name."""

    @property
    def version(self) -> str:
        """The package's version."""

    @property
    def architecture(self) -> str:
        """The package's architecture."""

    @property
    def source(self) -> str:
        """The name of the source package."""

    @property
    def security(self) -> str | None:
        """The newest version in the security archive that this version is not older than; None if not known."""


class Way(StrEnum):
    """The kind of a package's change: added, removed, upgraded, downgraded, or changed otherwise."""

    ADDED = "added"
    REMOVED = "removed"
    UP = "up"
    DOWN = "down"
    OTHER = "other"


class Mark(StrEnum):
    """The mark of a package's change: a security update, the loss of one, or a stable update."""

    NONE = ""
    SECURITY = "security"
    SECURITY_LOST = "security lost"
    STABLE = "stable update"


@dataclass(frozen=True)
class PackageChange:
    """A package that differs between two releases.

    `before` and `after` are its versions, empty in a release without it.  `old_name` is the name of the package that
    it replaces, if the names have versions in them, else empty.
    """

    name: str
    architecture: str
    source: str
    way: Way
    before: str
    after: str
    mark: Mark
    old_name: str = ""


def compare_packages(before: Iterable[Package], after: Iterable[Package]) -> tuple[PackageChange, ...]:
    """Every package that differs, sorted by name."""
    old, new = _by_name(before, after)
    pairs = {name: (old[name], new[name]) for name in old.keys() & new.keys()} | dict(_successors(old, new))
    changes = [_change(*pair) for pair in pairs.values() if _differ(*pair)]
    replaced = {one.name for one, _ in pairs.values()}
    changes += [_added(new[name]) for name in new.keys() - pairs.keys()]
    gone = (old[name] for name in old.keys() - pairs.keys() if old[name].name not in replaced)
    changes += [PackageChange(each.name, *_origin(each), Way.REMOVED, each.version, "", Mark.NONE) for each in gone]
    return tuple(sorted(changes, key=lambda change: (change.name, change.architecture)))


def find_way(before: str, after: str) -> Way:
    """The kind of change from one version to another (Debian policy, section 5.6.12)."""
    try:
        old, new = version_key(before), version_key(after)
    except ValueError:  # no version of Debian's: an epoch that is no number
        return Way.OTHER
    return Way.UP if new > old else Way.DOWN if new < old else Way.OTHER


def _by_name(*sides: Iterable[Package]) -> list[dict[str, Package]]:
    """The packages of each side, by name, or by name and architecture where a side has a name several times."""
    listed = [tuple(side) for side in sides]
    several = {name for side in listed for name, count in Counter(each.name for each in side).items() if count > 1}
    return [
        {f"{each.name}:{each.architecture}" if each.name in several else each.name: each for each in side}
        for side in listed
    ]


def _successors(
    old: Mapping[str, Package], new: Mapping[str, Package]
) -> Iterable[tuple[str, tuple[Package, Package]]]:
    """Pairs of packages whose names differ in a version alone, if just one of each side is left over."""
    gone = {name: _stem(old[name]) for name in old.keys() - new.keys()}
    come = {name: _stem(new[name]) for name in new.keys() - old.keys()}
    counted, counted_new = Counter(gone.values()), Counter(come.values())
    by_stem = {stem: name for name, stem in gone.items()}
    for name, stem in come.items():
        if counted[stem] == counted_new[stem] == 1:
            yield name, (old[by_stem[stem]], new[name])


def _stem(package: Package) -> tuple[str, str, str]:
    return NUMBERS.sub("#", package.name), NUMBERS.sub("#", package.source), package.architecture


def _origin(package: Package) -> tuple[str, str]:
    return package.architecture, package.source


def _differ(before: Package, after: Package) -> bool:
    return (before.name, before.version, before.architecture) != (after.name, after.version, after.architecture)


def _added(package: Package) -> PackageChange:
    return PackageChange(package.name, *_origin(package), Way.ADDED, "", package.version, Mark.NONE)


def _change(before: Package, after: Package) -> PackageChange:
    way = find_way(before.version, after.version)
    old_name = before.name if before.name != after.name else ""
    mark = _mark(before, after, way)
    return PackageChange(after.name, *_origin(after), way, before.version, after.version, mark, old_name)


def _mark(before: Package, after: Package, way: Way) -> Mark:
    if way is Way.UP and after.security is None:
        return Mark.STABLE if STABLE_UPDATE.search(after.version) else Mark.NONE
    if way is Way.UP and after.security and find_way(before.version, after.security) is Way.UP:
        return Mark.SECURITY
    if way is Way.DOWN and before.security and find_way(after.version, before.security) is Way.UP:
        return Mark.SECURITY_LOST
    return Mark.NONE
