"""The root image: a file that holds the tree as one read-only file system."""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Job
from builder.context import BuildContext, CachedStep
from builder.plan.model import Inputs
from builder.plan.step import ENGINES, Known, Making
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.tree.build import TREE, find_tree
from builder.tree.elements import find_maker


class RootImage(CachedStep):
    """The step that makes `root.FORMAT`, with a script of the element that makes things from trees."""

    name = "root-image"
    making = Making((__name__, ENGINES))

    def is_needed(self, recipe: Recipe) -> bool:
        """Whether the nodes' root is an image."""
        return recipe.root.kind is RootKind.IMAGE

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The tree, and the format of the image."""
        return {"tree": known.keys[TREE.name], "format": recipe.root.format}

    def make(self, context: BuildContext, directory: Path) -> None:
        """Make the image.

        :raises CommandError: the file system could not be made.
        """
        job = Job(
            argv=("/input/element/make-root-image", context.recipe.root.format),
            output=directory,
            inputs={"/input/element": find_maker(context.recipe).path, **find_tree(context).job_inputs},
            environment={"SOURCE_DATE_EPOCH": str(context.source_date)},
            room=context.room,
        )
        context.engine.run(context.image, job, context.on_line)


ROOT_IMAGE = RootImage()


def find_root(context: BuildContext) -> Path:
    """The file with all of the tree: the root image, or the tree's part of a root tarball."""
    if not ROOT_IMAGE.is_needed(context.recipe):
        return find_tree(context).part
    return context.objects[ROOT_IMAGE.name] / f"root.{context.recipe.root.format}"
