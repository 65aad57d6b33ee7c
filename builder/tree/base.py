"""The base of a tree: Debian's own packages, the kernel and the packages of the elements, installed and kept.

The recipe's packages are installed on top of the base, whether the base was made a moment or a month ago.  Since every
tree is made in this way, a kept base cannot change the tree.  Recipes with the same elements, kernel and suite share
their base.
"""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Job
from builder.context import BuildContext, CachedStep
from builder.debian import archive as archives
from builder.debian import refusals
from builder.plan.model import Inputs
from builder.plan.step import ENGINES, Known, Making
from builder.process import CommandError
from builder.recipe.element_models import Element
from builder.recipe.models import Debian, Recipe
from builder.tree import elements

ELEMENT = "debian-root"


def find_element(recipe: Recipe) -> Element | None:
    """The element that makes bases; a recipe with a root element of its own has none."""
    return next((element for element in recipe.elements if element.name == ELEMENT), None)


class Base(CachedStep):
    """The step that makes the base of a tree: parts of a packed tree, in the form of parts.py of `ELEMENT`."""

    name = "base"
    making = Making((__name__, ENGINES))
    part_of = "tree"

    def is_needed(self, recipe: Recipe) -> bool:
        """Whether the recipe has the element that makes bases."""
        return find_element(recipe) is not None

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The packages that recipes share, and the element that installs them."""
        element = find_element(recipe)
        assert element is not None, "the plan has no base without it"
        return {
            **common_inputs(recipe, known),
            "packages": list(recipe.base_packages),
            "element": elements.digest(element),
        }

    def make(self, context: BuildContext, directory: Path) -> None:
        """Install the packages that recipes share; the job adds new ones to those downloaded before.

        :raises NfsrootError: a package cannot be downloaded or installed.
        """
        recipe, packages = context.recipe, context.cache.packages(context.recipe.debian.suite)
        element = find_element(recipe)
        assert element is not None, "the plan has no base without it"
        job = Job(
            argv=("/input/element/install-packages", "--parts=/output", "/scratch/base", *recipe.base_packages),
            output=directory,
            inputs={**context.archive.job_inputs, "/input/packages": packages, "/input/element": element.path},
            environment=environment(recipe.debian, context.source_date),
            network=True,
            room=context.room,
        )
        try:
            context.engine.run(context.image, job, context.on_line)
        except CommandError as error:
            raise refusals.read(directory) or refusals.explain(error, recipe.debian) from error
        keep_packages(directory, packages)


BASE = Base()


def common_inputs(recipe: Recipe, known: Known) -> Inputs:
    """The inputs that tree and base share: builder image, archive, source date, `[debian]` and accounts."""
    return {
        "image": known.image,
        "archive": known.archive,
        "source_date": known.source_date,
        "debian": archives.inputs(recipe.debian),
        "accounts": recipe.debian.accounts,
    }


def environment(debian: Debian, source_date: int) -> dict[str, str]:
    """The environment of a job that installs packages: accounts, architecture, source date, temporary directory."""
    return {
        "NFSROOT_ACCOUNTS": " ".join(f"{name}={number}" for name, number in sorted(debian.accounts.items())),
        "NFSROOT_ARCHITECTURE": debian.architecture,
        "SOURCE_DATE_EPOCH": str(source_date),
        "TMPDIR": "/scratch",
    }


def keep_packages(directory: Path, packages: Path) -> None:
    """Move the packages that a job downloaded from its output to those downloaded before.

    Each package is moved before the file with its digest.  A package without this file does not count (kept.py of the
    element debian-root), so an interruption leaves none that looks complete.
    """
    new = directory / "packages"
    if new.exists():
        for package in sorted(new.iterdir()):
            package.replace(packages / package.name)
        new.rmdir()
