"""The decision about a tree's packages, and room for them, which the cache keeps.

A build that finds the decision in the cache does not wait for the modules that make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from builder.cache import Cache, Inputs
from builder.code import PROGRAM
from builder.debian.archive import Archive
from builder.keys import key_of
from builder.recipe.models import Recipe

BESIDE_MIB = 512
"""The room, in MiB, for a copy of the kernel's modules, which depmod(8) indexes, and for an initramfs."""
SELECTION = "builder.debian.selection"
"""The module that makes decisions."""


class Decision(NamedTuple):
    """The decision about a recipe's packages.

    `gave_way` has a sentence about each default package that gives way to another.  `tree_mib` is the size of the
    installed files, `packages_mib` that of the packages, as far as the packages are certain.
    """

    gave_way: dict[str, str]
    tree_mib: int
    packages_mib: int

    @property
    def room_mib(self) -> int:
        """The room, in MiB, to install the packages: their files, the packages themselves, modules and initramfs."""
        return self.tree_mib + self.packages_mib + BESIDE_MIB

    def apply(self, recipe: Recipe) -> Recipe:
        """The recipe without the default packages that gave way."""
        return recipe.model_copy(update={"left_out": tuple(sorted({*recipe.left_out, *self.gave_way}))})


@dataclass(frozen=True)
class PackageChoice:
    """The choice of a recipe's packages from a snapshot of the archive."""

    recipe: Recipe
    archive: Archive

    def recall(self, cache: Cache) -> Decision:
        """The decision, from the cache when an earlier build made it.

        :raises RecipeError: packages are not in the archive, or cannot be installed together.
        """
        question = key_of(self._question())
        known = cache.answer(question)
        if known:
            return Decision(**known)
        decision = self.decide()
        cache.remember_answer(question, decision._asdict())
        return decision

    def decide(self) -> Decision:
        """The decision which default packages give way, and how much room the packages take.

        :raises RecipeError: packages are not in the archive, or cannot be installed together.
        """
        from builder.debian.selection import select

        return select(self.recipe, self.archive)

    def _question(self) -> Inputs:
        """Everything that the decision and its messages depend on."""
        recipe = self.recipe
        elements = [[each.name, list(each.packages), list(each.default_packages)] for each in recipe.elements]
        return {
            "archive": self.archive.digest,
            "code": PROGRAM.digest(SELECTION),
            "debian": recipe.debian.model_dump(mode="json"),
            "elements": elements,
            "file": str(recipe.files[0]),
            "kernel": recipe.kernel.package,
            "left_out": list(recipe.left_out),
            "places": {name: [str(file), *place] for name, (file, *place) in recipe.places.items()},
        }
