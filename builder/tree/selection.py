"""Which packages a tree gets: the recipe's and what elements need, and the default packages that go with these.

Decided from the archive's index, before anything is downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

from builder.cache import Cache
from builder.code import PROGRAM
from builder.errors import Problem, RecipeError
from builder.keys import key_of
from builder.recipe.models import Element, Recipe
from builder.recipe.place import Place
from builder.tree import index, refusals
from builder.tree.archive import Archive
from builder.tree.candidates import Candidates
from builder.tree.conflicts import ConflictError, Selection
from builder.tree.refusals import Want
from builder.tree.relations import Package, Relation

DEBIAN = "without which there is no Debian"
BESIDE_MIB = 512
"""Room for a copy of the kernel's modules, which are indexed beside, and for an initramfs."""


@dataclass(frozen=True)
class Decision:
    """What was decided about a recipe's packages.

    `gave_way` has a sentence about each default package that gives way to another; `tree_mib` is what the files of the
    packages take, `packages_mib` what the packages themselves do, as far as they are certain.
    """

    gave_way: dict[str, str]
    tree_mib: int
    packages_mib: int

    @property
    def room_mib(self) -> int:
        """What it takes to install the packages: their files, the packages on their way, and what is made beside."""
        return self.tree_mib + self.packages_mib + BESIDE_MIB

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe without the default packages that gave way."""
        return recipe.model_copy(update={"left_out": tuple(sorted({*recipe.left_out, *self.gave_way}))})


def recall(recipe: Recipe, archive: Archive, cache: Cache) -> Decision:
    """Decide, or recall from the cache what was decided when the same was asked before.

    :raises RecipeError: packages are not in the archive, or cannot be installed together.
    """
    question = _question(recipe, archive)
    known = cache.answer(question)
    if known:
        return Decision(**known)
    decision = decide(recipe, archive)
    cache.remember_answer(question, asdict(decision))
    return decision


def decide(recipe: Recipe, archive: Archive) -> Decision:
    """Which default packages give way, and how much room the packages take.

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


def _question(recipe: Recipe, archive: Archive) -> str:
    """The name of all that the answer and its words depend on."""
    elements = [[each.name, list(each.packages), list(each.default_packages)] for each in recipe.elements]
    return key_of(
        {
            "archive": archive.digest,
            "code": PROGRAM.digest(__name__),
            "debian": recipe.debian.model_dump(mode="json"),
            "elements": elements,
            "file": str(recipe.files[0]),
            "kernel": recipe.kernel.package,
            "left_out": list(recipe.left_out),
            "places": {name: [str(file), *place] for name, (file, *place) in recipe.places.items()},
        }
    )


def _wants(recipe: Recipe, candidates: Candidates) -> Iterator[Want]:
    """All that has to be there; a package that several want comes first from who can do without it least."""
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
    """One decision under way: what is wrong, and the default packages that gave way, each with a sentence."""

    recipe: Recipe
    candidates: Candidates
    selection: Selection
    wants: dict[str, Want] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    gave_way: dict[str, str] = field(default_factory=dict)

    def add(self, want: Want) -> None:
        """Add a package, or the problem with it."""
        package = self._package(want)
        if package is None or package.name in self.wants:
            return
        self.wants[package.name] = want
        try:
            self.selection = self.selection.with_package(package)
        except ConflictError as error:
            self.problems.append(refusals.conflict(want, error, self.wants, self.recipe.debian))

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
        reason = f"gives way to {refusals.label(stronger, self.wants)}" if stronger else "cannot be installed"
        self.gave_way[name] = f"{name}, {want.clause}, {reason.rstrip(',')}"

    def _package(self, want: Want) -> Package | None:
        """The package of a want's name, or the only one that provides it."""
        found = self.candidates.find_providers(want.package)
        if found and (len(found) == 1 or found[0].name == want.package):
            return found[0]
        if found:
            self.problems.append(refusals.virtual(want, [package.name for package in found]))
        else:
            near = self.candidates.find_resembling(want.package)
            self.problems.append(refusals.unknown(want, near, self.recipe.debian))
        return None
