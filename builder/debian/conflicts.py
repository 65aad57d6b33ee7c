"""Conflicts between packages that a tree must have.

A wanted package brings its certain dependencies: those that only one package satisfies, or only one that conflicts with
nothing chosen so far.  A conflict among these packages is certain.  apt tries every combination, and may find more
conflicts.
"""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple

from builder.debian.candidates import Candidates
from builder.debian.relations import Package, Relation


class Choice(NamedTuple):
    """A package that the tree must have: the `wanted` one itself, or one on which it depends, directly or not."""

    package: Package
    wanted: str

    @property
    def name(self) -> str:
        """The package's name."""
        return self.package.name


class ConflictError(Exception):
    """The package `chosen` cannot be installed: `other` conflicts, or nothing satisfies the dependency `missing`."""

    def __init__(self, chosen: Choice, other: Choice | None, missing: tuple[Relation, ...] = ()) -> None:
        super().__init__(chosen, other, missing)
        self.chosen = chosen
        self.other = other
        self.missing = missing


Dependency = tuple[Choice, tuple[Relation, ...]]
"""A package and the alternatives of one of its dependencies."""


@dataclass
class Selection:
    """The packages that the tree certainly must have."""

    candidates: Candidates
    chosen: dict[str, Choice] = field(default_factory=dict)
    _by_name: dict[str, tuple[Choice, ...]] = field(default_factory=lambda: defaultdict(tuple))
    _against: dict[str, tuple[tuple[Relation, Choice], ...]] = field(default_factory=lambda: defaultdict(tuple))
    _open: list[Dependency] = field(default_factory=list)

    def with_package(self, package: Package) -> Selection:
        """The selection with `package` added, and its certain dependencies.

        :raises ConflictError: the package cannot be installed with the others.
        """
        copies = (copy(self.chosen), copy(self._by_name), copy(self._against), copy(self._open))
        grown = Selection(self.candidates, *copies)
        grown._add(Choice(package, package.name))
        return grown

    def _add(self, chosen: Choice) -> None:
        self._choose(chosen)
        while needed := [each for each in map(self._settle, self._take_open()) if each]:
            for each in needed:
                self._choose(each)

    def _choose(self, chosen: Choice) -> None:
        if chosen.name in self.chosen:
            return
        if opponent := self._opponent(chosen.package):
            raise ConflictError(chosen, opponent)
        self.chosen[chosen.name] = chosen
        for name in chosen.package.provides:
            self._by_name[name] += (chosen,)
        for relation in chosen.package.against:
            self._against[relation.name] += ((relation, chosen),)
        self._open += ((chosen, alternatives) for alternatives in chosen.package.depends)

    def _take_open(self) -> list[Dependency]:
        taken, self._open = self._open, []
        return taken

    def _settle(self, dependency: Dependency) -> Choice | None:
        """The only package that can satisfy a dependency.

        None when a chosen package satisfies the dependency, or when several can; the dependency then stays open.
        """
        asker, alternatives = dependency
        if any(self.find(relation) for relation in alternatives):
            return None
        packages = {each.name: each for relation in alternatives for each in self.candidates.find_matching(relation)}
        opponents = {name: self._opponent(package) for name, package in packages.items()}
        left = [package for name, package in packages.items() if opponents[name] is None]
        if not left:
            raise ConflictError(asker, next(filter(None, opponents.values()), None), alternatives)
        if len(left) > 1:
            self._open.append(dependency)
            return None
        return Choice(left[0], asker.wanted)

    def find(self, relation: Relation) -> list[Choice]:
        """The chosen packages that satisfy `relation`."""
        return [each for each in self._by_name.get(relation.name, ()) if each.package.has(relation)]

    def _opponent(self, package: Package) -> Choice | None:
        """A chosen package that conflicts with `package`, or with which `package` conflicts."""
        opponents = [each for relation in package.against for each in self.find(relation)]
        for name in package.provides:
            opponents += (each for relation, each in self._against.get(name, ()) if package.has(relation))
        return next((each for each in opponents if each.name != package.name), None)
