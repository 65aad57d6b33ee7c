"""The step that renders and packs the overlay."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import builder
from builder.errors import NfsrootError
from builder.packing import archive, tree_list
from builder.packing.release_step import ReleaseContext, ReleaseStep
from builder.plan.model import Inputs
from builder.plan.step import DECISIONS, ENGINES, MESSAGES, Known, Making, sections
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile
from builder.tree.build import TREE, Tree, find_tree
from builder.tree.owned_paths import OWNED_PATHS

ARCHIVE, LINES = "overlay.tar", "overlay.tsv"
COMPRESS = ("zstd", "--quiet", "-3")
SECTIONS = {"files", "image", "root", "login", "kerrighed", "logs", "cluster"}
"""The sections of a recipe on which the overlay depends."""


class PackedOverlay(NamedTuple):
    """The overlay as a tar archive, and its lines in the list of the tree, both compressed by zstd."""

    archive: Path
    lines: Path


class OverlayStep(ReleaseStep):
    """The step that renders the files of a node's root that depend on the cluster, and packs them for the release."""

    name = "overlay"
    making = Making((__name__, ENGINES), (*MESSAGES, *DECISIONS))

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The tree, whose /etc/shadow gets root's password, and the sections of the recipe."""
        return {
            "tree": known.keys[TREE.name],
            "recipe": sections(recipe, SECTIONS),
            "transport": recipe.boot.transport,
            "tool": builder.__version__,
        }

    def make(self, context: ReleaseContext, directory: Path) -> None:  # noqa: ARG002
        """Render the overlay and pack it into `context.scratch`, as `PackedOverlay` names its files.

        :raises NfsrootError: a path stands in both tree and overlay.
        """
        from builder.overlay.render import render  # only now: a build that finds its release renders nothing

        tree = find_tree(context)
        pack(context, tree, render(context.layout, tree.shadow))


OVERLAY = OverlayStep()


def find_overlay(context: ReleaseContext) -> PackedOverlay:
    """The packed overlay of the release that is under way."""
    return PackedOverlay(*(context.scratch / f"{name}.zst" for name in (ARCHIVE, LINES)))


def pack(context: ReleaseContext, tree: Tree, overlay: Iterable[RenderedFile]) -> PackedOverlay:
    """Pack the overlay: as a part between a tree's files and directories, or beside an image as a whole archive.

    :raises NfsrootError: a path stands in both tree and overlay.
    """
    known = frozenset(os.fsdecode(tree.paths.read_bytes()).split("\0"))
    files = tuple(overlay)
    twice = sorted(file.path for file in files if file.path in known or file.path not in OWNED_PATHS)
    if twice:
        raise NfsrootError(f"the overlay's {', '.join(twice)} would replace files of the tree")
    is_whole = context.recipe.root.kind is RootKind.IMAGE
    part = archive.fragment(files, context.source_date, known) + (archive.END_OF_ARCHIVE if is_whole else b"")
    lines = tree_list.describe(files, archive.directories(files) - known)
    return PackedOverlay(*context.compress({ARCHIVE: part, LINES: lines}, COMPRESS, "zst"))
