"""The packages from which apt may choose: the newest version of each in the lists, and the providers of a name."""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path

from builder.debian import index, relations
from builder.debian.relations import Package, Relation, version_key

_STANZAS = "SELECT list, start, length FROM package WHERE name = ?"
_PROVIDERS = "SELECT DISTINCT package FROM provider WHERE name = ?"


@contextmanager
def open_candidates(lists: Path, index_file: Path) -> Iterator[Candidates]:
    """A context with the packages of the package lists in `lists`, found by the index in `index_file`."""
    with closing(index.connect(index_file)) as database:
        yield Candidates(lists, database, index_file)


class Candidates:
    """The packages of the lists by name; each is read when it is first asked for."""

    def __init__(self, lists: Path, database: sqlite3.Connection, index_file: Path) -> None:
        self._lists = lists
        self._database = database
        self._index_file = index_file
        self._packages: dict[str, Package | None] = {}
        self._providers: dict[str, list[str]] = {}

    def package(self, name: str) -> Package | None:
        """The newest version of the package `name`, if there is such a package."""
        if name not in self._packages:
            versions = (self._stanza(*row) for row in self._database.execute(_STANZAS, (name,)))
            self._packages[name] = max(versions, key=lambda each: version_key(each.version), default=None)
        return self._packages[name]

    def find_providers(self, name: str) -> list[Package]:
        """The packages that are called `name` or provide it, the one that is called so first."""
        if name not in self._providers:
            found = [package for (package,) in self._database.execute(_PROVIDERS, (name,))]
            self._providers[name] = sorted(found, key=lambda each: (each != name, each))
        packages = map(self.package, self._providers[name])
        return [package for package in packages if package and (name in package.provides or name == index.REQUIRED)]

    def find_matching(self, relation: Relation) -> list[Package]:
        """The packages that satisfy `relation`."""
        return [package for package in self.find_providers(relation.name) if package.has(relation)]

    def find_resembling(self, name: str) -> list[str]:
        """The names of packages that resemble `name`, the nearest first."""
        return difflib.get_close_matches(name, self._names, n=3, cutoff=0.75)

    @cached_property
    def _names(self) -> list[str]:
        return index.names(self._index_file)

    def _stanza(self, list_name: str, start: int, length: int) -> Package:
        with (self._lists / list_name).open("rb") as file:
            file.seek(start)
            return relations.read(file.read(length).decode())
