"""The step that renders, checks and packs the server bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import builder
from builder.boot.initramfs import INITRAMFS
from builder.boot.nic_drivers import NIC_DRIVERS
from builder.boot.pxegrub import PXEGRUB
from builder.packing import archive
from builder.packing.release_step import ReleaseContext, ReleaseStep
from builder.plan.model import Inputs
from builder.plan.step import DECISIONS, ENGINES, MESSAGES, Known, Making, sections
from builder.recipe.models import Recipe
from builder.release_names import TFTP_DIRECTORY
from builder.rendered_files import RenderedFile
from builder.tree.build import find_tree

COMPRESS = ("gzip", "--no-name", "-6")
SECTIONS = {"files", "image", "kernel", "root", "boot", "kerrighed", "logs", "cluster"}
"""The sections of a recipe on which the server bundle depends."""


class Bundle(ReleaseStep):
    """The step that makes the server bundle, and the initramfs files that nodes load."""

    name = "server-bundle"
    making = Making((__name__, ENGINES), (*MESSAGES, *DECISIONS))

    def inputs(self, recipe: Recipe, known: Known) -> Inputs:
        """The keys of the files that nodes load, apart from the kernel, and the sections of the recipe."""
        return {
            **{step.name: known.keys[step.name] for step in (INITRAMFS, NIC_DRIVERS, PXEGRUB)},
            "recipe": sections(recipe, SECTIONS),
            "tool": builder.__version__,
        }

    def make(self, context: ReleaseContext, directory: Path) -> None:
        """Render the bundle, and pack it while the servers' own checkers read it.

        :raises NfsrootError: a checker rejects a file.
        """
        from builder.boot import boot_files
        from builder.server import bundle, checks  # only now: a build that finds its release renders nothing

        files, objects = bundle.render(context.layout), context.objects
        checked = context.aside.begin(partial(checks.check, context, files))
        initramfs = boot_files.join_initramfs(
            context.layout, objects[INITRAMFS.name], objects[NIC_DRIVERS.name], directory
        )
        loaded = boot_files.find_boot_files(context.layout, find_tree(context), initramfs, objects[PXEGRUB.name])
        pack(context, files, loaded)
        context.pending.append(context.aside.begin(context.server.hash))
        checked()


BUNDLE = Bundle()


def pack(context: ReleaseContext, files: Iterable[RenderedFile], loaded: Mapping[str, Path]) -> None:
    """Write the server bundle: the rendered `files`, and `loaded`, files by their paths below srv/tftp.

    Kernel and initramfs are compressed already: gzip would take most of a build's time to gain next to nothing.  The
    content of each file is a part of its own, which two releases share.  The part before has the file's header, which
    names the release.
    """
    texts, bundle = tuple(files), context.server
    start = archive.fragment(texts, context.source_date)
    binary = (RenderedFile(f"{TFTP_DIRECTORY}/{path}", archive.content_of(file)) for path, file in loaded.items())
    bundle.add(*context.compress({"server.tar": start}, COMPRESS, "gz"))
    headers = b""
    for header, content in archive.members(binary, context.source_date, archive.directories(texts)):
        headers += header
        if content:
            bundle.write(archive.stored([headers]))
            bundle.write(archive.stored(content))
            headers = b""
    bundle.write(archive.stored([headers + archive.END_OF_ARCHIVE]))
