"""The loading of elements with their dependencies, from element.toml, element-deps and element-provides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from builder.errors import Problem
from builder.recipe.document import Document, read, read_text
from builder.recipe.element_models import Element, Variable
from builder.recipe.input_models import ElementInput
from builder.recipe.messages import name_type, suggest
from builder.recipe.place import Place
from builder.recipe.reserved import explain_reserved
from builder.recipe.search import SearchPath
from builder.recipe.stock import explain_refusal
from builder.recipe.validation import validate

IMPLICIT = frozenset({"no-final-image"})
"""Empty elements of diskimage-builder on which ours depend; diskimage-builder finds them by itself."""

_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}


def load_elements(wanted: list[tuple[str, Place]], search: SearchPath) -> tuple[tuple[Element, ...], list[Problem]]:
    """The elements with all that they depend on, dependencies first, and the mistakes in their files.

    `wanted` are names with the places where the recipe names them.  An element is left out when another one names it in
    its element-provides.
    """
    loading = _Loading(search)
    loading.note_provided([name for name, _ in wanted])
    for name, place in wanted:
        loading.add(name, place, Asked(name, place))
    return tuple(loading.elements), loading.problems


class Asked(NamedTuple):
    """An element that the recipe names, with the place; its dependencies are loaded on its behalf."""

    name: str
    place: Place


class _Loading:
    def __init__(self, search: SearchPath) -> None:
        self.search = search
        self.seen: set[str] = set()
        self.providers: dict[str, str] = {}
        self.elements: list[Element] = []
        self.problems: list[Problem] = []

    def note_provided(self, names: list[str]) -> None:
        """Note which elements the elements `names` provide, before any element is added."""
        for name in names:
            directory = self.search.element(name)
            for provided, _ in self.lines(directory / "element-provides") if directory else ():
                self.providers.setdefault(provided, name)

    def add(self, name: str, place: Place, asked: Asked) -> None:
        if name in self.seen or self.providers.get(name, name) != name:
            return
        directory = self.search.element(name)
        if directory is None:
            fix = suggest(name, self.search.element_names(), "elements")
            self.problems.append(Problem(*place, f"there is no element {name!r}", fix))
            return
        self.seen.add(name)
        if problem := self.refusal(name, directory, asked):
            self.problems.append(problem)
            return
        for dependency, written in self.lines(directory / "element-deps"):
            if dependency not in IMPLICIT:
                self.add(dependency, written, asked)
        element, problems = _element(name, directory)
        self.elements.append(element)
        self.problems += problems

    def refusal(self, name: str, directory: Path, asked: Asked) -> Problem | None:
        """The problem, at the place in the recipe, when an element cannot go into a tree of diskless nodes."""
        reason = explain_refusal(name, directory)
        for provided, _ in self.lines(directory / "element-provides"):
            provider = self.providers.setdefault(provided, name)
            if provider != name:
                reason = reason or f"it provides {provided}, as element {provider!r} does"
        if not reason:
            return None
        needs = "" if name == asked.name else f" needs {name!r}, which"
        return Problem(*asked.place, f"element {asked.name!r}{needs} cannot be part of a tree: {reason}", "take it out")

    def lines(self, file: Path) -> Iterator[tuple[str, Place]]:
        """Yield the names in an optional file such as element-deps, with their places; such files have no comments."""
        text = read_text(file) if file.is_file() else ""
        if isinstance(text, Problem):
            self.problems.append(text)
            return
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield line.strip(), Place(file, number, line.index(line.strip()) + 1)


def _element(name: str, directory: Path) -> tuple[Element, list[Problem]]:
    if not (directory / "element.toml").exists():
        return Element(name=name, path=directory, description=_title(directory) or name, variables=None), []
    document = read(directory / "element.toml")
    if isinstance(document, Problem):
        return Element(name=name, path=directory, description=""), [document]
    written, document, problems = validate(document, ElementInput)
    if not written.description and ("description",) not in document.dropped:
        problems.append(document.problem((), "description is missing", 'write description = "..."'))
    variables = []
    for variable, declared in written.variables.items():
        if what := explain_reserved(variable):
            what = f"a variable cannot be called {variable}: {what}"
            problems.append(document.problem(("variables", variable), what, "choose another name", key=True))
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
        default_packages=written.default_packages,
        ports=written.ports,
        secrets=written.secrets,
        variables=tuple(variables),
    )
    return element, problems


def _title(directory: Path) -> str:
    """The first line of an element's README.rst that has letters."""
    readme = directory / "README.rst"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    return next((line.strip() for line in text.splitlines() if any(map(str.isalpha, line))), "")


def variable_mistake(document: Document, path: tuple[str, ...], value: Any, wanted: str) -> Problem | None:
    """The problem with `value` at `path` for a variable of type `wanted`: its type, or a control character, if any."""
    if type(value) is not _TYPES[wanted]:
        article = "an" if wanted[0] in "aeiou" else "a"
        what = f"{path[-1]} must be {article} {wanted}, not {name_type(value)}"
        return document.problem(path, what, _FIXES[wanted])
    if isinstance(value, str) and not value.isprintable():
        return document.problem(path, f"{path[-1]} holds a control character", "write it in one line")
    return None


_FIXES = {
    "string": "put it in double quotes",
    "integer": "write it without quotes, point or fraction",
    "boolean": "write true or false without quotes",
}
