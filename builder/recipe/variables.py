"""The environment variables of hooks: the variables of elements, and those of the user's that a recipe names.

All hooks of a tree share one environment.  So two elements may have a variable of one name only with one value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.element_models import Element
from builder.recipe.elements import variable_mistake
from builder.recipe.messages import name_type, suggest
from builder.recipe.patterns import ENVIRONMENT_NAME
from builder.recipe.reserved import explain_reserved
from builder.recipe.stock import REFUSED_VARIABLES

Values = dict[str, dict[str, Any]]

_NAME = re.compile(rb"\b[A-Z][A-Z0-9]*_\w+")
_INSTALL_TYPE = "DIB_INSTALLTYPE_"
"""The prefix of variables that say how an element installs itself (diskimage-builder's element install-types)."""


def resolve_variables(document: Document, elements: tuple[Element, ...]) -> tuple[Values, list[Problem]]:
    """The value of every variable of `elements`, from the recipe or by default, and the mistakes."""
    resolving = _Resolving(document, elements)
    for element, written in document.data.get("variables", {}).items():
        resolving.take(element, written)
    resolving.check_shared()
    return resolving.values, resolving.problems


def resolve_environment(document: Document, environment: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """The values that `environment` has for the names in the recipe's list, and the mistakes."""
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for index, name in enumerate(document.data.get("environment", [])):
        if what := explain_reserved(name):
            problems.append(document.problem(("environment", index), f"{name} cannot be taken: {what}", "take it out"))
        elif name not in environment:
            fix = f"set it before you build, or give its value under [variables.ELEMENT]: export {name}=..."
            problems.append(document.problem(("environment", index), f"{name} is not set in the environment", fix))
        else:
            values[name] = environment[name]
    return values, problems


class _Resolving:
    def __init__(self, document: Document, elements: tuple[Element, ...]) -> None:
        self.document = document
        self.elements = {element.name: element for element in elements}
        self.values: Values = {
            element.name: {v.name: v.default for v in element.variables or ()} for element in elements
        }
        self.problems: list[Problem] = []

    def take(self, name: str, written: dict[str, Any]) -> None:
        """Store the values that the recipe gives to variables of the element `name`."""
        element = self.elements.get(name)
        if element is None:
            fix = suggest(name, self.elements, "elements of this recipe")
            what = f"{name!r} is no element of this recipe"
            self.problems.append(self.document.problem(("variables", name), what, fix, key=True))
            return
        for variable, value in written.items():
            problem = self.mistake(element, variable, value)
            if problem:
                self.problems.append(problem)
            else:
                self.values[name][variable] = value

    def mistake(self, element: Element, variable: str, value: Any) -> Problem | None:
        """The mistake in the value or the name of a variable, if there is one."""
        path = ("variables", element.name, variable)
        types = {v.name: v.type for v in element.variables or ()}
        if element.variables is None:
            return self.undeclared(element, path, value)
        if variable not in types:
            fix = suggest(variable, types, f"variables of {element.name}")
            what = f"element '{element.name}' has no variable {variable!r}"
            return self.document.problem(path, what, fix, key=True)
        return variable_mistake(self.document, path, value, types[variable])

    def undeclared(self, element: Element, path: tuple[str, str, str], value: Any) -> Problem | None:
        """The mistake in a variable of an element that declares none, if there is one.

        A file of the element must contain the variable's name.
        """
        variable = path[-1]
        if not ENVIRONMENT_NAME.matches(variable):
            return self.document.problem(path, f"{variable!r} is no variable's name", ENVIRONMENT_NAME.words, key=True)
        if what := explain_reserved(variable) or REFUSED_VARIABLES.get(variable):
            return self.document.problem(path, f"{variable} cannot be set: {what}", "take it out", key=True)
        known = _names_in(element.path)
        if variable not in known and not variable.startswith(_INSTALL_TYPE):
            fix = suggest(variable, known, f"names in {element.name}")
            return self.document.problem(path, f"no file of element '{element.name}' has {variable}", fix, key=True)
        kinds: dict[type, str] = {str: "string", int: "integer", bool: "boolean"}
        if type(value) not in kinds:
            fix = "write a string, an integer or a boolean"
            return self.document.problem(path, f"{variable} is {name_type(value)}", fix)
        return variable_mistake(self.document, path, value, kinds[type(value)])

    def check_shared(self) -> None:
        """Add a problem for each variable that has two values in two elements, since all hooks see one value."""
        owners: dict[str, str] = {}
        for element, values in self.values.items():
            for variable, value in values.items():
                owner = owners.setdefault(variable, element)
                if self.values[owner][variable] != value:
                    self.problems.append(self.clash(variable, owner, element))

    def clash(self, variable: str, *elements: str) -> Problem:
        """The problem that a variable has two values in two elements, at the place where the recipe gives one."""
        paths = [("variables", element, variable) for element in elements]
        written = next((path for path in reversed(paths) if path in self.document.marks), ("elements",))
        first, second = (repr(self.values[element][variable]) for element in elements)
        what = f"{variable} is {first} for element '{elements[0]}' and {second} for '{elements[1]}'"
        fix = "their hooks share one environment: give both one value, or rename the variable of one"
        return self.document.problem(written, what, fix)


def _names_in(directory: Path) -> set[str]:
    """The names of variables that occur in the files of an element."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {name.decode() for path in files for name in _NAME.findall(path.read_bytes()) if name.isascii()}
