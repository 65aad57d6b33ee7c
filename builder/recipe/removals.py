"""Packages that a recipe takes away ("-NAME"): inherited ones, and default packages of its elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.models import Element
from builder.recipe.place import Place
from builder.recipe.positions import KeyPath
from builder.recipe.words import suggestion

PACKAGES: KeyPath = ("debian", "packages")
"""The list whose entries "-NAME" may mean a default package of an element, which no file of the recipe names."""


def is_removal(entry: str) -> bool:
    """Whether an entry of a list takes another away; a private key among the ssh keys begins with more than one "-"."""
    return entry.startswith("-") and not entry.startswith("--")


def take_removals(document: Document) -> tuple[dict[str, Place], Document]:
    """The packages that no parent has and that are to go, each with its place; and the document without them."""
    entries = document.data.get("debian", {}).get("packages", [])
    paths = {(*PACKAGES, index): entry[1:] for index, entry in enumerate(entries) if is_removal(entry)}
    return {name: document.at(path) for path, name in paths.items()}, document.without(set(paths))


def removal_problems(
    removals: dict[str, Place], inherited: Sequence[str], elements: Sequence[Element]
) -> Iterator[Problem]:
    """The removals of what is no default package: of what an element needs, or of what is not there at all."""
    defaults = {name for element in elements for name in element.default_packages}
    for name, place in removals.items():
        askers = [element for element in elements if name in " | ".join(element.packages).split(" | ")]
        needing = [element.name for element in askers if name in element.needs(inherited)]
        if needing:
            yield Problem(*place, f"'{name}' cannot be taken away: element {needing[0]} needs it", "leave it in")
        elif name not in defaults and not askers:
            fix = suggestion(name, {*inherited, *defaults}, "inherited entries")
            yield Problem(*place, f"nothing to remove: '{name}' is not inherited", fix)
