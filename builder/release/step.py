"""The step that puts a release together."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from builder.boot.pxegrub import PXEGRUB
from builder.overlay.step import OVERLAY, find_overlay
from builder.packing import tree_list
from builder.packing.release_step import ReleaseContext, ReleaseStep
from builder.plan import code
from builder.plan.model import Inputs
from builder.plan.step import DECISIONS, ENGINES, MESSAGES, Known, Making
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.release.names import DPKG_DATA
from builder.server.step import BUNDLE
from builder.tree.base import BASE
from builder.tree.build import Tree, find_tree
from builder.tree.root_image import find_root


class Release(ReleaseStep):
    """The step that puts everything in its place; its key is the key of the release's content."""

    name = "release"
    reason = "runs: puts everything in its place"
    making = Making((__name__, "builder.executor", ENGINES), (*MESSAGES, *DECISIONS))

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The keys of all other steps, and the recipe.

        The recipe counts without the cluster, which is an input of the overlay, and without the version, which is
        chosen later.
        """
        rest = recipe.model_dump(mode="json", exclude={"cluster": True, "image": {"version"}})
        return {"steps": dict(known.keys), "recipe": rest}

    def begin(self, context: ReleaseContext, directory: Path) -> None:  # noqa: ARG002
        """Begin to write the root file, which is by far the largest."""
        root = find_root(context)
        parts = partial(context.root.add_parts, root, tree_list.read_parts(find_tree(context).parts))
        context.pending.append(context.aside.begin(partial(context.root.copy, root) if _has_image(context) else parts))

    def make(self, context: ReleaseContext, directory: Path) -> None:
        """Put all files of the release into `directory`, the manifest last."""
        # Only now: a build that finds its release writes none.
        from builder.release.manifest_writer import write_manifest

        tree, overlay = find_tree(context), find_overlay(context)
        _copy_files(context, tree, directory)
        for finish in context.pending:
            finish()
        if _has_image(context):
            shutil.copyfile(overlay.archive, directory / context.layout.overlay_file)
        else:
            context.root.add(overlay.archive)
            context.root.add(tree.directories)
        context.listed.add(tree.listing)
        context.listed.add(overlay.lines)
        write_manifest(context, directory, {step.name: code.digest(step) for step in (OVERLAY, BUNDLE, self)})
        logged = [path for name, path in context.objects.items() if name != BASE.name]
        (directory / "build.log").write_text(
            "".join((path / "log").read_text(encoding="utf-8") for path in logged), encoding="utf-8"
        )


RELEASE = Release()


def _has_image(context: ReleaseContext) -> bool:
    return context.recipe.root.kind is RootKind.IMAGE


def _copy_files(context: ReleaseContext, tree: Tree, directory: Path) -> None:
    """Copy the kernel, the boot loaders, the package list and dpkg's data into `directory`."""
    shutil.copyfile(tree.kernel, directory / context.layout.kernel_file)
    loaders = context.objects[PXEGRUB.name]
    shutil.copytree(loaders, directory / "pxegrub", ignore=shutil.ignore_patterns("step.json", "log"))
    shutil.copyfile(tree.packages, directory / "packages.tsv")
    shutil.copyfile(tree.dpkg_data, directory / DPKG_DATA)
