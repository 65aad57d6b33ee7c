"""Elements: what their element.toml and element-deps say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from builder.errors import Problem
from builder.recipe.document import Document, read, read_text
from builder.recipe.models import Element, Variable
from builder.recipe.positions import Place
from builder.recipe.search import SearchPath
from builder.recipe.shape import parse
from builder.recipe.words import kind_of, suggestion
from builder.recipe.written import WrittenElement

STOCK_ELEMENTS = frozenset({"no-final-image"})
"""Elements of diskimage-builder itself that ours depend on; it finds them without us."""

_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}


def load_elements(wanted: list[tuple[str, Place]], search: SearchPath) -> tuple[tuple[Element, ...], list[Problem]]:
    """The elements with all that they depend on, dependencies first, and the mistakes in their files.

    `wanted` are names with the places that ask for them.
    """
    loading = _Loading(search)
    for name, place in wanted:
        loading.add(name, place)
    return tuple(loading.elements), loading.problems


class _Loading:
    def __init__(self, search: SearchPath) -> None:
        self.search = search
        self.seen: set[str] = set()
        self.elements: list[Element] = []
        self.problems: list[Problem] = []

    def add(self, name: str, place: Place) -> None:
        if name in self.seen:
            return
        directory = self.search.element(name)
        if directory is None:
            fix = suggestion(name, self.search.element_names(), "elements")
            self.problems.append(Problem(*place, f"there is no element {name!r}", fix))
            return
        self.seen.add(name)
        for dependency, written in self.dependencies(directory / "element-deps"):
            if dependency not in STOCK_ELEMENTS:
                self.add(dependency, written)
        element, problems = _element(name, directory)
        self.elements.append(element)
        self.problems += problems

    def dependencies(self, file: Path) -> Iterator[tuple[str, Place]]:
        """Names in an element-deps, which is optional; like diskimage-builder we know no comments there."""
        text = read_text(file) if file.is_file() else ""
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield line.strip(), Place(file, number, line.index(line.strip()) + 1)


def _element(name: str, directory: Path) -> tuple[Element, list[Problem]]:
    document = read(directory / "element.toml")
    if isinstance(document, Problem):
        return Element(name=name, path=directory, description=""), [document]
    written, document, problems = parse(document, WrittenElement)
    if not written.description and ("description",) not in document.dropped:
        problems.append(document.problem((), "description is missing", 'write description = "..."'))
    variables = []
    for variable, declared in written.variables.items():
        default: Any = document.data["variables"][variable]["default"]
        mistake = variable_mistake(document, ("variables", variable, "default"), default, declared.type)
        if mistake:
            problems.append(mistake)
        else:
            variables.append(Variable(name=variable, type=declared.type, default=default, doc=declared.doc))
    element = Element(
        name=name,
        path=directory,
        description=written.description,
        packages=written.packages,
        ports=written.ports,
        variables=tuple(variables),
    )
    return element, problems


def variable_mistake(document: Document, path: tuple[str, ...], value: Any, wanted: str) -> Problem | None:
    """What is wrong with `value` at `path` for a variable of type `wanted`: its type, or a line break in it."""
    if type(value) is not _TYPES[wanted]:
        article = "an" if wanted[0] in "aeiou" else "a"
        what = f"{path[-1]} must be {article} {wanted}, not {kind_of(value)}"
        return document.problem(path, what, _FIXES[wanted])
    if isinstance(value, str) and not value.isprintable():
        return document.problem(path, f"{path[-1]} holds a control character", "write it in one line")
    return None


_FIXES = {
    "string": "put it in double quotes",
    "integer": "write it without quotes, point or fraction",
    "boolean": "write true or false without quotes",
}
