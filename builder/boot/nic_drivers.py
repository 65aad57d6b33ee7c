"""Archives of NIC drivers.  The drivers that a node's `nic` needs are appended to the initramfs that the node loads.

The kernel takes joined archives for one initramfs (Linux, driver-api/early-userspace/buffer-format.rst).  The `initrd`
of GRUB legacy's menus takes only one file, so the release has a file for each kind of card.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builder.boot import known_drivers
from builder.boot.initramfs import lines_of
from builder.context import BuildContext
from builder.events import Notice
from builder.keys import key_of
from builder.plan.step import ENGINES, Making
from builder.recipe import nics
from builder.recipe.models import Initramfs, Recipe
from builder.tree.beside import BesideTree
from builder.tree.build import TREE, Tree, find_tree

DEFAULT = "default"
"""The name of the archive for nodes without a `nic`; no module has this name."""

_COMPRESSORS = {
    "zstd": "zstd --quiet --stdout -{level}",
    "gzip": "gzip --no-name --stdout -{level}",
    "xz": "xz --check=crc32 --stdout -{level}",
    "lz4": "gzip --no-name --stdout -9",
}
"""The commands that compress archives.  The builder image has no lz4; kernels that unpack lz4 unpack gzip, too."""
_BEST_LEVELS = {"zstd": 19, "gzip": 9, "xz": 9, "lz4": 9}
"""The levels for archives of one driver, which take little time even at the best level: a twentieth less to load."""


def archives(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """The drivers of each archive, as `nics.expand` gives them, by the archive's name."""
    named = sorted({node.nic for node in recipe.cluster.nodes if node.nic})
    return {**{nic: nics.expand([nic]) for nic in named}, DEFAULT: nics.expand(recipe.initramfs.nic_drivers)}


def configuration(recipe: Recipe) -> dict[str, str]:
    """The configuration files that make-nic-archives of the element initramfs-nfs reads, by path."""
    wanted = archives(recipe)
    lists = {f"nic/{name}": lines_of(drivers) for name, drivers in wanted.items()}
    return lists | {f"compressor/{name}": _compressor(recipe.initramfs, name) for name in wanted}


def _compressor(initramfs: Initramfs, archive: str) -> str:
    """The command that compresses an archive, one word per line."""
    is_group = archive == DEFAULT or archive in nics.WORDS
    level = initramfs.compression_level if is_group else _BEST_LEVELS[initramfs.compression]
    return lines_of(_COMPRESSORS[initramfs.compression].format(level=level).split())


class NicDrivers(BesideTree):
    """The step that makes the archives of NIC drivers for the tree's kernel, each under its name."""

    name = "nic-drivers"
    making = Making((__name__, ENGINES))
    script = "make-nic-archives"
    checks = TREE.name

    def configuration(self, recipe: Recipe) -> Mapping[str, str]:
        """The drivers and the compressor of each archive."""
        return configuration(recipe)

    def inputs_of_job(self, tree: Tree) -> Mapping[str, Path]:
        """The paths in the tree, among which modules are looked for."""
        return {"/input/paths": tree.paths}

    def inputs_beside(self, context: BuildContext) -> Mapping[str, Path]:
        """The archives that were made last with the same configuration, if the cache has them.

        The tree's job copies an archive whose modules are the same.
        """
        key = context.cache.pointer(self.name, self._pointer_key(context))
        if not (key and context.cache.has(self.name, key)):
            return {}
        return {"/input/nic-drivers-before": context.cache.object(self.name, key)}

    def check(self, context: BuildContext) -> None:
        """Check that the tree's kernel has the modules that the recipe and its cluster name.

        :raises NfsrootError: the kernel lacks a module that is named, or that every node needs.
        """
        lacking = known_drivers.check(context.recipe, known_drivers.kernel_of(find_tree(context)))
        if lacking:
            context.emit(Notice(lacking))

    def finish(self, context: BuildContext) -> None:
        """Record the archives, for `inputs_beside`."""
        key = context.plan.step(self.name).key
        context.cache.set_pointer(self.name, self._pointer_key(context), str(key))

    def _pointer_key(self, context: BuildContext) -> str:
        """The key over all that archives of NIC drivers depend on, apart from the tree."""
        return key_of({"image": context.image.id, "configuration": self.configuration(context.recipe)})


NIC_DRIVERS = NicDrivers()
