"""The merging of a recipe file and of all recipes that it extends into one document."""

from __future__ import annotations

from pathlib import Path

from builder.errors import Problem
from builder.recipe.document import Document, read
from builder.recipe.inherit import merge, without_parent
from builder.recipe.positions import KeyPath
from builder.recipe.search import SearchPath, is_path
from builder.recipe.shape import parse
from builder.recipe.words import kind_of, suggestion
from builder.recipe.written import ADDITIVE, WrittenCluster, WrittenRecipe

_INHERITABLE: frozenset[KeyPath] = ADDITIVE | {("root", "path"), ("cluster",)}
"""The values that count as present while the extended recipe, from which they may come, cannot be read."""


class Ancestry:
    """The files of a recipe, each before the one that it extends, and the mistakes in reading and merging them."""

    def __init__(self, search: SearchPath) -> None:
        self.search = search
        self.files: list[Path] = []
        self.problems: list[Problem] = []

    def read(self, file: Path) -> Document | None:
        """The document in `file`, merged with all that it extends; None when the file cannot be read."""
        document = read(file)
        self.files.append(file)
        if isinstance(document, Problem):
            self.problems.append(document)
            return None
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
        _, recipe, problems = parse(_plain(document), WrittenRecipe)
        self.problems += problems
        mistaken = recipe.dropped - {("cluster",)}
        cluster = document.data.get("cluster", "")
        if isinstance(cluster, dict):
            _, table, problems = parse(document.table("cluster"), WrittenCluster)
            self.problems += problems
            mistaken |= {("cluster", *path) for path in table.dropped}
        elif not isinstance(cluster, str):
            what = f"cluster must be a file or a table, not {kind_of(cluster)}"
            self.problems.append(document.problem(("cluster",), what, 'write cluster = "clusters/NAME.toml"'))
            mistaken |= {("cluster",)}
        return document.without(mistaken)

    def _base(self, document: Document) -> Path | None:
        """The file of the recipe that `document` extends; None when it does not exist or closes a circle of recipes."""
        name = document.data["extends"]
        file = document.file.parent / name if is_path(name) else self.search.recipe(name)
        if file is None or not file.is_file():
            fix = suggestion(Path(name).stem, self.search.recipe_names(), "recipes")
            self.problems.append(document.problem(("extends",), f"there is no recipe {name!r}", fix))
            return None
        above = [path.resolve() for path in self.files]
        if file.resolve() in above:
            circle = " -> ".join(path.name for path in [*self.files[above.index(file.resolve()) :], file])
            what = f"the recipe extends itself: {circle}"
            self.problems.append(document.problem(("extends",), what, "take one of these extends out"))
            return None
        return file


def _plain(document: Document) -> Document:
    """The document in the form that the model of a recipe checks: no cluster, and NAME for an entry "-NAME"."""
    plain = document.without({("cluster",)})
    for path in ADDITIVE:
        table, key = (plain.data, path[0]) if len(path) == 1 else (plain.data.get(path[0]), path[1])
        if isinstance(table, dict) and isinstance(table.get(key), list):
            table[key] = [entry.removeprefix("-") if isinstance(entry, str) else entry for entry in table[key]]
    return plain
