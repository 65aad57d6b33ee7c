"""The selection of a tree's packages: the recipe's, those that elements need, and default packages that fit these.

The archive's index decides, before anything is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from builder.debian import index, wants
from builder.debian.archive import Archive
from builder.debian.candidates import Candidates
from builder.debian.choice import Decision
from builder.debian.conflicts import ConflictError, Selection
from builder.debian.relations import Package, Relation
from builder.debian.wants import Want
from builder.errors import Problem, RecipeError
from builder.recipe.element_models import Element
from builder.recipe.models import Recipe
from builder.recipe.place import Place

DEBIAN = "without which there is no Debian"


def select(recipe: Recipe, archive: Archive) -> Decision:
    """Decide which default packages give way, and how much room the recipe's packages take.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    with archive.candidates() as candidates:
        settling = _Settling(recipe, candidates, Selection(candidates))
        for want in _wants(recipe, candidates):
            settling.add(want)
        for element in recipe.elements:
            for package in element.default_packages:
                settling.add_default(package, element)
    if settling.problems:
        raise RecipeError(tuple(settling.problems))
    packages = [chosen.package for chosen in settling.selection.chosen.values()]
    tree_mib, packages_mib = sum(each.kib for each in packages) >> 10, sum(each.size for each in packages) >> 20
    return Decision(settling.gave_way, tree_mib, packages_mib)


def _wants(recipe: Recipe, candidates: Candidates) -> Iterator[Want]:
    """Yield the wants of Debian, of the elements and of the recipe, in this order.

    The first want for a package counts, so the order begins with those that cannot be taken away.
    """
    nowhere = Place(recipe.files[0], 0, 0)
    places = {name: Place(*place) for name, place in recipe.places.items()}
    for name in (*(package.name for package in candidates.find_providers(index.REQUIRED)), "apt"):
        yield Want(name, DEBIAN, places.get(name, nowhere))
    for element in recipe.elements:
        for name in element.needs(recipe.debian.packages):
            yield Want(name, f"which element {element.name} needs", places.get(name, nowhere))
    for name in (recipe.kernel.package, *recipe.debian.packages):
        place = places.get(name, nowhere)
        yield Want(name, f"which {place if place.line else place.file} names", place, needed=False)


@dataclass
class _Settling:
    """A decision under way: the selection so far, the problems, and sentences about packages that gave way."""

    recipe: Recipe
    candidates: Candidates
    selection: Selection
    wants: dict[str, Want] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    gave_way: dict[str, str] = field(default_factory=dict)

    def add(self, want: Want) -> None:
        """Add the wanted package to the selection, or a problem to the problems."""
        package = self._package(want)
        if package is None or package.name in self.wants:
            return
        self.wants[package.name] = want
        try:
            self.selection = self.selection.with_package(package)
        except ConflictError as error:
            self.problems.append(wants.conflict(want, error, self.wants, self.recipe.debian))

    def add_default(self, name: str, element: Element) -> None:
        """Add a default package, unless it is left out or one of the others provides its name or conflicts with it."""
        if name in (*self.wants, *self.recipe.left_out):
            return
        want = Want(name, f"a default package of element {element.name}", Place(self.recipe.files[0], 0, 0))
        package = self._package(want)
        if package is None:
            return
        self.wants[name] = want
        stronger = next(iter(self.selection.find(Relation(name))), None)
        if stronger is None:
            try:
                self.selection = self.selection.with_package(package)
                return
            except ConflictError as error:
                stronger = error.chosen if error.chosen.wanted != name else error.other
        reason = f"gives way to {wants.label(stronger, self.wants)}" if stronger else "cannot be installed"
        self.gave_way[name] = f"{name}, {want.clause}, {reason.rstrip(',')}"

    def _package(self, want: Want) -> Package | None:
        """The package of the wanted name, or the only one that provides the name; else add a problem."""
        found = self.candidates.find_providers(want.package)
        if found and (len(found) == 1 or found[0].name == want.package):
            return found[0]
        if found:
            self.problems.append(wants.virtual(want, [package.name for package in found]))
        else:
            near = self.candidates.find_resembling(want.package)
            self.problems.append(wants.unknown(want, near, self.recipe.debian))
        return None
