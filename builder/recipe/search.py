"""Where recipes, clusters and elements are looked for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import builder
from builder.recipe import stock

ELEMENTS_PATH = "ELEMENTS_PATH"
"""The variable with directories of elements, separated by colons, that disk-image-create(1) reads, too."""


@dataclass(frozen=True)
class SearchPath:
    """Directories that hold recipes and elements; what an earlier one holds hides its namesakes in later ones."""

    recipes: tuple[Path, ...]
    elements: tuple[Path, ...]

    @classmethod
    def default(cls, project: Path = Path()) -> SearchPath:
        """The directories of the project that stands in `project`, then those that came with nfsroot.

        Elements are looked for in the directories of $ELEMENTS_PATH before these, as disk-image-create(1) does, and
        among those of the installed diskimage-builder after them.
        """
        package = Path(builder.__file__).parent
        shipped = package if (package / "recipes").is_dir() else package.parent  # a wheel, or a checkout
        return cls(
            recipes=_distinct(project / "recipes", shipped / "recipes"),
            elements=(
                *(Path(directory) for directory in os.environ.get(ELEMENTS_PATH, "").split(":") if directory),
                *_distinct(project / "elements", shipped / "elements"),
                *filter(None, [stock.directory()]),
            ),
        )

    def before(self, elements: Iterable[Path]) -> SearchPath:
        """The search path with these directories of elements before all others."""
        return replace(self, elements=(*elements, *self.elements))

    def recipe(self, name: str) -> Path | None:
        """The file of the recipe called `name`."""
        return _first(directory / f"{name}.toml" for directory in self.recipes)

    def cluster(self, path: str, beside: Path) -> Path | None:
        """The cluster file `path`, relative to the directory of `beside` or to a directory of recipes."""
        return _first(directory / path for directory in (beside.parent, *self.recipes))

    def element(self, name: str) -> Path | None:
        """The directory of the element called `name`."""
        return next((directory / name for directory in self.elements if (directory / name).is_dir()), None)

    def recipe_files(self) -> tuple[Path, ...]:
        """The files of all recipes, sorted by their names."""
        return tuple(file for name in self.recipe_names() if (file := self.recipe(name)))

    def recipe_names(self) -> tuple[str, ...]:
        """Names of all recipes, sorted."""
        return tuple(sorted({file.stem for directory in self.recipes for file in directory.glob("*.toml")}))

    def element_names(self) -> tuple[str, ...]:
        """Names of all elements, sorted."""
        return tuple(
            sorted({path.name for place in self.elements for path in place.glob("[a-z0-9]*") if path.is_dir()})
        )


def is_path(name_or_path: str) -> bool:
    """Whether a recipe is given by the path of its file rather than by its name."""
    return name_or_path.endswith(".toml") or "/" in name_or_path


def _distinct(project: Path, shipped: Path) -> tuple[Path, ...]:
    return (project,) if project.resolve() == shipped.resolve() else (project, shipped)


def _first(files: Iterable[Path]) -> Path | None:
    return next((file for file in files if file.is_file()), None)
