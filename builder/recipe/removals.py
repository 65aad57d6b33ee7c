"""The entries "-NAME" of a recipe's packages that remove default packages of its elements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.element_models import Element
from builder.recipe.messages import suggest
from builder.recipe.place import Place
from builder.recipe.positions import KeyPath

PACKAGES: KeyPath = ("debian", "packages")
"""The list in which an entry "-NAME" may remove a default package of an element, which no recipe file names."""


def is_removal(entry: str) -> bool:
    """Whether an entry of a list is "-NAME", which removes NAME; a private key begins with more than one "-"."""
    return entry.startswith("-") and not entry.startswith("--")


def take_removals(document: Document) -> tuple[dict[str, Place], Document]:
    """The packages to remove that no extended recipe has, with their places; and the document without these entries."""
    entries = document.data.get("debian", {}).get("packages", [])
    paths = {(*PACKAGES, index): entry[1:] for index, entry in enumerate(entries) if is_removal(entry)}
    return {name: document.at(path) for path, name in paths.items()}, document.without(set(paths))


def removal_problems(
    removals: dict[str, Place], inherited: Sequence[str], elements: Sequence[Element]
) -> Iterator[Problem]:
    """Yield a problem for each removal of a package that an element needs, or that nothing brings."""
    defaults = {name for element in elements for name in element.default_packages}
    for name, place in removals.items():
        askers = [element for element in elements if name in " | ".join(element.packages).split(" | ")]
        needing = [element.name for element in askers if name in element.needs(inherited)]
        if needing:
            yield Problem(*place, f"'{name}' cannot be taken away: element {needing[0]} needs it", "leave it in")
        elif name not in defaults and not askers:
            fix = suggest(name, {*inherited, *defaults}, "inherited entries")
            yield Problem(*place, f"nothing to remove: '{name}' is not inherited", fix)
