"""Inheritance: the merging of a recipe with the one that it extends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from builder.errors import Problem
from builder.recipe import nics
from builder.recipe.document import Document
from builder.recipe.positions import KeyPath, Mark
from builder.recipe.removals import PACKAGES, is_removal
from builder.recipe.words import suggestion
from builder.recipe.written import ADDITIVE, NIC_DRIVERS


def merge(parent: Document, child: Document) -> tuple[Document, list[Problem]]:
    """The values of `parent`, changed by those of `child`; and a problem for each entry "-NAME" that removes nothing.

    Tables merge, the lists of `ADDITIVE` add up (the parent's entries first), and any other value of the child replaces
    the parent's.  Every mark keeps pointing to the file in which its value was written.
    """
    merging = _Merging(parent, child)
    data = merging.tables(parent.data, child.data, ())
    dropped = parent.dropped | child.dropped
    return Document(child.file, data, merging.marks, dropped), merging.problems


def without_parent(document: Document) -> tuple[Document, list[Problem]]:
    """The document merged with an empty parent, so that an entry "-NAME" is a mistake."""
    return merge(Document(document.file, {}, {}), document)


class _Merging:
    def __init__(self, parent: Document, child: Document) -> None:
        self.parent = parent
        self.child = child
        self.marks: dict[KeyPath, Mark] = {}
        self.problems: list[Problem] = []

    def tables(self, old: dict[str, Any], new: dict[str, Any], path: KeyPath) -> dict[str, Any]:
        return {key: self.key(old, new, (*path, key)) for key in [*old, *(key for key in new if key not in old)]}

    def key(self, old: dict[str, Any], new: dict[str, Any], path: KeyPath) -> Any:
        name = str(path[-1])
        if path in ADDITIVE:
            return self.lists(old.get(name, []), new.get(name, []), path)
        if name not in new:
            self.take(self.parent, path)
            return old[name]
        below = old.get(name, {})
        if isinstance(below, dict) and isinstance(new[name], dict):
            self.marks[path] = self.child.marks[path]
            return self.tables(below, new[name], path)
        self.take(self.child, path)
        return new[name]

    def lists(self, old: list[str], new: list[str], path: KeyPath) -> list[str]:
        removed = {entry[1:] for entry in new if is_removal(entry)}
        unknown = set() if self.parent.lost(path) else removed - set(old)
        later = {name for name in unknown if _is_decided_later(name, old, path)}
        self.report_unknown(unknown - later, old, new, path)
        marks = self.child.marks if path in self.child.marks else self.parent.marks
        self.marks[path] = marks[path]
        entries = _marked(self.parent, old, path) | _marked(self.child, new, path)
        removals = later | ({entry[1:] for entry in old if is_removal(entry)} - set(new))
        kept = {
            entry: mark
            for entry, mark in entries.items()
            if (entry[1:] in removals if is_removal(entry) else entry not in removed)
        }
        self.marks |= {(*path, index): mark for index, mark in enumerate(kept.values())}
        return list(kept)

    def report_unknown(self, names: Iterable[str], old: list[str], new: list[str], path: KeyPath) -> None:
        for name in names:
            place = (*path, new.index(f"-{name}"))
            fix = suggestion(name, old, "inherited entries")
            self.problems.append(self.child.problem(place, f"nothing to remove: '{name}' is not inherited", fix))

    def take(self, source: Document, path: KeyPath) -> None:
        length = len(path)
        self.marks |= {key: mark for key, mark in source.marks.items() if key[:length] == path}


def _is_decided_later(name: str, old: list[str], path: KeyPath) -> bool:
    """Whether only elements or the kernel decide if "-NAME" removes anything; the entry then stays in the list.

    Such a name may be a default package of an element, or a driver in a group that `old` names.
    """
    return path == PACKAGES or (path == NIC_DRIVERS and nics.may_hold(old, name))


def _marked(document: Document, entries: list[str], path: KeyPath) -> dict[str, Mark]:
    return {entry: document.marks[(*path, index)] for index, entry in enumerate(entries)}
