"""Steps that work on the tree, and whose objects the tree's job makes as well while it packs the tree.

Such a step runs a job of its own when the tree is there already, or when the tree's job could not make its object.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from builder.container.engine import Job
from builder.context import BuildContext, CachedStep
from builder.plan.model import Inputs
from builder.plan.step import Known
from builder.recipe.models import Recipe
from builder.tree.build import TREE, Tree, find_tree, in_files
from builder.tree.elements import find_maker


class BesideTree(CachedStep):
    """A step whose object a script of the element `elements.MAKER` makes from the tree, by configuration files."""

    beside = TREE.name
    script: ClassVar[str]
    """The name of the script."""

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The tree, and the step's configuration."""
        return {"tree": known.keys[TREE.name], "configuration": self.configuration(recipe)}

    def inputs_of_job(self, tree: Tree) -> Mapping[str, Path]:  # noqa: ARG002
        """The inputs of the step's own job besides the configuration and the packed tree."""
        return {}

    def make(self, context: BuildContext, directory: Path) -> None:
        """Make the object by a job of its own.

        :raises CommandError: the script failed.
        """
        tree = find_tree(context)
        with in_files(directory, self.configuration(context.recipe)) as conf:
            job = Job(
                argv=(f"/input/element/{self.script}", tree.kernel_version, "/output"),
                output=directory,
                inputs={
                    "/input/element": find_maker(context.recipe).path,
                    "/input/conf": conf,
                    **self.inputs_of_job(tree),
                    **tree.job_inputs,
                },
                environment={"SOURCE_DATE_EPOCH": str(context.source_date)},
                room=context.room,
            )
            context.engine.run(context.image, job, context.on_line)
