"""Inheritance: the reading of a recipe with all recipes that it extends, and the merging of them into one document."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from builder.errors import Problem
from builder.recipe import nics
from builder.recipe.document import Document, read
from builder.recipe.input_models import ADDITIVE, NIC_DRIVERS, ClusterInput, RecipeInput
from builder.recipe.messages import name_type, suggest
from builder.recipe.positions import KeyPath, Mark
from builder.recipe.removals import PACKAGES, is_removal
from builder.recipe.renaming import rename_keys
from builder.recipe.search import SearchPath, is_path
from builder.recipe.validation import validate

_INHERITABLE: frozenset[KeyPath] = ADDITIVE | {("root", "path"), ("cluster",)}
"""The values that count as present while the extended recipe, from which they may come, cannot be read."""


class Ancestry:
    """The files of a recipe, each before the one that it extends, and the mistakes in reading and merging them.

    `notices` has an entry for each key that a file gives by its old name.
    """

    def __init__(self, search: SearchPath) -> None:
        self.search = search
        self.files: list[Path] = []
        self.problems: list[Problem] = []
        self.notices: list[Problem] = []

    def read(self, file: Path) -> Document | None:
        """The document in `file`, merged with all that it extends; None when the file cannot be read."""
        document = read(file)
        self.files.append(file)
        if isinstance(document, Problem):
            self.problems.append(document)
            return None
        document, mistakes, notices = rename_keys(document)
        self.problems += mistakes
        self.notices += notices
        document = self._sound(document)
        if "extends" not in document.data:
            merged, problems = without_parent(document)
            self.problems += problems
            return merged
        base = self._base(document)
        parent = self.read(base) if base else None
        merged, problems = merge(parent or Document(file, {}, {}, _INHERITABLE), document)
        self.problems += problems
        return merged

    def _sound(self, document: Document) -> Document:
        """The document without its unknown keys and its values of a wrong type or form."""
        _, recipe, problems = validate(_strip_removals(document), RecipeInput)
        self.problems += problems
        mistaken = recipe.dropped - {("cluster",)}
        cluster = document.data.get("cluster", "")
        if isinstance(cluster, dict):
            _, table, problems = validate(document.table("cluster"), ClusterInput)
            self.problems += problems
            mistaken |= {("cluster", *path) for path in table.dropped}
        elif not isinstance(cluster, str):
            what = f"cluster must be a file or a table, not {name_type(cluster)}"
            self.problems.append(document.problem(("cluster",), what, 'write cluster = "clusters/NAME.toml"'))
            mistaken |= {("cluster",)}
        return document.without(mistaken)

    def _base(self, document: Document) -> Path | None:
        """The file of the recipe that `document` extends; None when it does not exist or closes a circle of recipes."""
        name = document.data["extends"]
        file = document.file.parent / name if is_path(name) else self.search.recipe(name)
        if file is None or not file.is_file():
            fix = suggest(Path(name).stem, self.search.recipe_names(), "recipes")
            self.problems.append(document.problem(("extends",), f"there is no recipe {name!r}", fix))
            return None
        above = [path.resolve() for path in self.files]
        if file.resolve() in above:
            circle = " -> ".join(path.name for path in [*self.files[above.index(file.resolve()) :], file])
            what = f"the recipe extends itself: {circle}"
            self.problems.append(document.problem(("extends",), what, "take one of these extends out"))
            return None
        return file


def _strip_removals(document: Document) -> Document:
    """The document in the form that the model of a recipe checks: no cluster, and NAME for an entry "-NAME"."""
    plain = document.without({("cluster",)})
    for path in ADDITIVE:
        table, key = (plain.data, path[0]) if len(path) == 1 else (plain.data.get(path[0]), path[1])
        if isinstance(table, dict) and isinstance(table.get(key), list):
            table[key] = [entry.removeprefix("-") if isinstance(entry, str) else entry for entry in table[key]]
    return plain


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
        unknown = set() if self.parent.has_dropped(path) else removed - set(old)
        later = {name for name in unknown if _is_decided_later(name, old, path)}
        self.report_unknown(unknown - later, old, new, path)
        marks = self.child.marks if path in self.child.marks else self.parent.marks
        self.marks[path] = marks[path]
        entries = _mark_entries(self.parent, old, path) | _mark_entries(self.child, new, path)
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
            fix = suggest(name, old, "inherited entries")
            self.problems.append(self.child.problem(place, f"nothing to remove: '{name}' is not inherited", fix))

    def take(self, source: Document, path: KeyPath) -> None:
        length = len(path)
        self.marks |= {key: mark for key, mark in source.marks.items() if key[:length] == path}


def _is_decided_later(name: str, old: list[str], path: KeyPath) -> bool:
    """Whether only elements or the kernel decide if "-NAME" removes anything; the entry then stays in the list.

    Such a name may be a default package of an element, or a driver in a group that `old` names.
    """
    return path == PACKAGES or (path == NIC_DRIVERS and nics.may_hold(old, name))


def _mark_entries(document: Document, entries: list[str], path: KeyPath) -> dict[str, Mark]:
    return {entry: document.marks[(*path, index)] for index, entry in enumerate(entries)}
