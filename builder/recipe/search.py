"""The directories in which nfsroot looks for recipes, clusters and elements."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import builder
from builder.recipe import stock

ELEMENTS_PATH = "ELEMENTS_PATH"
"""The environment variable with directories of elements, separated by colons; disk-image-create(1) reads it, too."""


class SearchPath(NamedTuple):
    """The directories of recipes and elements.  A name in an earlier directory hides the same name in later ones."""

    recipes: tuple[Path, ...]
    elements: tuple[Path, ...]

    @classmethod
    def default(cls, project: Path = Path()) -> SearchPath:
        """The directories of the project in `project`, then those that come with nfsroot.

        Before these, elements are looked for in the directories of $ELEMENTS_PATH, as by disk-image-create(1); after
        them, among the elements of the installed diskimage-builder.
        """
        package = Path(builder.__file__).parent
        shipped = package if (package / "recipes").is_dir() else package.parent  # a wheel, or a checkout
        return cls(
            recipes=_distinct(project / "recipes", shipped / "recipes"),
            elements=(
                *(Path(directory) for directory in os.environ.get(ELEMENTS_PATH, "").split(":") if directory),
                *_distinct(project / "elements", shipped / "elements"),
                *filter(None, [stock.find_directory()]),
            ),
        )

    def before(self, elements: Iterable[Path]) -> SearchPath:
        """The search path with the directories `elements` before all others."""
        return self._replace(elements=(*elements, *self.elements))

    def recipe(self, name: str) -> Path | None:
        """The file of the recipe called `name`, if there is one."""
        return _first(directory / f"{name}.toml" for directory in self.recipes)

    def cluster(self, path: str, beside: Path) -> Path | None:
        """The cluster file `path`, relative to the directory of `beside` or to a directory of recipes, if it exists."""
        return _first(directory / path for directory in (beside.parent, *self.recipes))

    def element(self, name: str) -> Path | None:
        """The directory of the element called `name`, if there is one."""
        return next((directory / name for directory in self.elements if (directory / name).is_dir()), None)

    def recipe_files(self) -> tuple[Path, ...]:
        """The files of all recipes, sorted by their names."""
        return tuple(file for name in self.recipe_names() if (file := self.recipe(name)))

    def recipe_names(self) -> tuple[str, ...]:
        """The names of all recipes, sorted."""
        return tuple(sorted({file.stem for directory in self.recipes for file in directory.glob("*.toml")}))

    def element_names(self) -> tuple[str, ...]:
        """The names of all elements, sorted."""
        return tuple(
            sorted({path.name for place in self.elements for path in place.glob("[a-z0-9]*") if path.is_dir()})
        )


def is_path(name_or_path: str) -> bool:
    """Whether `name_or_path` is the path of a recipe's file rather than the recipe's name."""
    return name_or_path.endswith(".toml") or "/" in name_or_path


def _distinct(project: Path, shipped: Path) -> tuple[Path, ...]:
    return (project,) if project.resolve() == shipped.resolve() else (project, shipped)


def _first(files: Iterable[Path]) -> Path | None:
    return next((file for file in files if file.is_file()), None)
