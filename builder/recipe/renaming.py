"""The renaming of keys that a recipe's file gives by their former names; each of them is told with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.former_names import NEW, OLD, PORTS, new_path, rename_table
from builder.recipe.positions import KeyPath


def rename_keys(document: Document) -> tuple[Document, list[Problem], list[Problem]]:
    """The document of one file with new names in place of former ones, the mistakes, and a notice for each former name.

    Each value keeps its place in the file.  A key that has both names in one file is a mistake.
    """
    old, new = document.data.get(OLD), document.data.get(NEW, {})
    if not isinstance(old, dict) or not isinstance(new, dict):
        return document, [], []
    mistakes, twice = [], [path for path in map(new_path, old) if path in document.marks]
    for path in twice:
        what = f"{OLD}.{path[-1]} is the old name of {'.'.join(path)}, which stands at {document.at(path, key=True)}"
        mistakes.append(document.problem((OLD, path[-1]), what, "take the old one out", key=True))
    kept = document.without({(OLD, path[-1]) for path in twice})
    marks = {path: mark for path, mark in kept.marks.items() if path[0] != OLD}
    marks.setdefault((NEW,), kept.marks[(OLD,)])
    inside = {path: mark for path, mark in kept.marks.items() if path[0] == OLD and len(path) > 1}
    marks |= {(*new_path(str(path[1])), *path[2:]): mark for path, mark in inside.items()}
    return replace(document, data=rename_table(kept.data), marks=marks), mistakes, _notices(document, old)


def _notices(document: Document, old: Mapping[str, Any]) -> list[Problem]:
    notices = []
    names: list[KeyPath] = [(OLD, name) for name in old] or [(OLD,)]
    for path in names:
        if path[-1] == PORTS:
            what, fix = f"{OLD}.{PORTS} is called {PORTS} now", f"write {PORTS} = [...] above the first table"
        else:
            new = ".".join((NEW, *map(str, path[1:])))
            what, fix = f"{'.'.join(map(str, path))} is called {new} now", f"write [{NEW}] in place of [{OLD}]"
        notices.append(document.problem(path, what, fix, key=True))
    return notices
