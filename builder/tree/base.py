"""The base of a tree: Debian's own packages, the kernel and the packages of the elements, installed and kept.

The recipe's packages are installed on top of the base, whether the base was made a moment or a month ago.  Since every
tree is made in this way, a kept base cannot change the tree.  Recipes with the same elements, kernel and suite share
their base.
"""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Engine, Image, Job, Room
from builder.debian import refusals
from builder.debian.archive import Archive
from builder.process import CommandError, OnLine
from builder.recipe.models import Debian, Element, Recipe

STEP = "base"
ELEMENT = "debian-root"


def element(recipe: Recipe) -> Element | None:
    """The element that makes bases; a recipe with a root element of its own has none."""
    return next((element for element in recipe.elements if element.name == ELEMENT), None)


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    recipe: Recipe,
    archive: Archive,
    packages: Path,
    source_date: int,
    room: Room,
    on_line: OnLine,
) -> None:
    """Make a base in `directory`: parts of a packed tree, in the form of parts.py of the element debian-root.

    `packages` is the directory of packages downloaded before; the job adds new ones.  `source_date` is in seconds
    since 1970 (UTC).

    :raises NfsrootError: a package cannot be downloaded or installed.
    """
    maker = element(recipe)
    assert maker is not None, "the plan has no base without it"
    job = Job(
        argv=("/input/element/install-packages", "--parts=/output", "/scratch/base", *recipe.base_packages),
        output=directory,
        inputs={**archive.job_inputs, "/input/packages": packages, "/input/element": maker.path},
        environment=environment(recipe.debian, source_date),
        network=True,
        room=room,
    )
    try:
        engine.run(image, job, on_line)
    except CommandError as error:
        raise refusals.read(directory) or refusals.explain(error, recipe.debian) from error
    keep_packages(directory, packages)


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
