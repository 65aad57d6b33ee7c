"""Packages of an archive and the relations between them (Debian policy, chapters 5 and 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_RELATION = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9+.-]*)(?::\w+)?\s*(?:\(\s*(<<|<=|=|>=|>>)\s*([^)\s]+)\s*\))?")
_FIELD = re.compile(r"^([A-Za-z-]+): *(.*(?:\n[ \t].*)*)$", re.MULTILINE)

VersionKey = tuple[int, tuple[tuple[tuple[int, ...], int], ...], tuple[tuple[tuple[int, ...], int], ...]]


@cache
def version_key(version: str) -> VersionKey:
    """A value that sorts as the version does (Debian policy, section 5.6.12)."""
    epoch, colon, rest = version.rpartition(":")
    upstream, hyphen, revision = rest.rpartition("-")
    upstream, revision = (upstream, revision) if hyphen else (revision, "0")
    return int(epoch) if colon else 0, _parts(upstream), _parts(revision)


def _parts(text: str) -> tuple[tuple[tuple[int, ...], int], ...]:
    pairs = re.findall(r"(\D*)(\d*)", text)
    return tuple(((*map(_weight, letters), 0), int(digits or 0)) for letters, digits in pairs)


def _weight(character: str) -> int:
    """The rank of a character in versions: a tilde before the end, which is 0, and letters before all others."""
    if character == "~":
        return -1
    return ord(character) if character.isalpha() else ord(character) + 256


class Relation(NamedTuple):
    """An alternative of a dependency, or a conflict: a name, and a condition on its version, if any."""

    name: str
    operator: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.operator} {self.version})" if self.operator else self.name

    def admits(self, version: str) -> bool:
        """Whether `version` meets the condition, if any.  A name provided without a version ("") meets none."""
        if not self.operator or not version:
            return not self.operator
        one, other = version_key(version), version_key(self.version)
        return {"<<": one < other, "<=": one <= other, "=": one == other, ">=": one >= other, ">>": one > other}[
            self.operator
        ]


class Package(NamedTuple):
    """A package in one version.

    `depends` has a tuple of alternatives for each dependency; `against` has the fields Conflicts and Breaks; `provides`
    has the version, or "", of each name that the package has or provides; `kib` is the size of the installed files in
    KiB, and `size` that of the package in bytes.
    """

    name: str
    version: str
    depends: tuple[tuple[Relation, ...], ...]
    against: tuple[Relation, ...]
    provides: dict[str, str]
    kib: int = 0
    size: int = 0

    def has(self, relation: Relation) -> bool:
        """Whether the package satisfies `relation`, by its own name or by one that it provides."""
        return relation.name in self.provides and relation.admits(self.provides[relation.name])


def read(stanza: str) -> Package:
    """The package that a stanza of a Packages file describes (deb822(5))."""
    fields = dict(_FIELD.findall(stanza))
    name, version = fields["Package"], fields.get("Version", "")
    depends = (group for field in ("Pre-Depends", "Depends") for group in _groups(fields.get(field, "")))
    against = (each for field in ("Conflicts", "Breaks") for group in _groups(fields.get(field, "")) for each in group)
    provides = {each.name: each.version for group in _groups(fields.get("Provides", "")) for each in group}
    kib, size = (int(fields.get(field, 0)) for field in ("Installed-Size", "Size"))
    return Package(name, version, tuple(depends), tuple(against), {**provides, name: version}, kib, size)


def _groups(field: str) -> Iterator[tuple[Relation, ...]]:
    for group in filter(str.strip, field.split(",")):
        found = (_RELATION.match(alternative) for alternative in group.split("|"))
        yield tuple(Relation(match[1], match[2] or "", match[3] or "") for match in found if match)
