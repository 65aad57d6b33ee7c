"""Checks that the tree's kernel has the modules that a recipe and its cluster name, and that nodes need to boot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from builder.boot import initramfs
from builder.errors import NfsrootError, Problem, RecipeError
from builder.recipe import nics
from builder.recipe.messages import suggest
from builder.recipe.models import Recipe
from builder.recipe.place import Place
from builder.tree.build import Tree

WIRED = "kernel/drivers/net/"
"""The directory of the drivers of network cards among the kernel's modules."""

OTHER_NAMES = {
    "e1000_82540em": "e1000",
    "i211": "igb",
    "i225": "igc",
    "i226": "igc",
    "mellanox": "mlx5_core",
    "mlx4": "mlx4_core",
    "mlx5": "mlx5_core",
    "r8125": "r8169",
    "r8168": "r8169",
    "r8111": "r8169",
    "rtl8139": "8139cp",
    "virtio": "virtio_net",
    "xen": "xen_netfront",
}
"""Other names of cards and drivers that people use, each with the driver of Linux."""


class Kernel(NamedTuple):
    """The modules of a tree's kernel: those that are files (paths by name), those that are built in, and aliases."""

    version: str
    modules: Mapping[str, str]
    builtin: frozenset[str]
    aliases: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether a node with this kernel can have the module."""
        return nics.normalize_name(name) in self.modules or nics.normalize_name(name) in self.builtin

    def knows(self, name: str) -> bool:
        """Whether a node with this kernel can have the module, by name or by an alias such as crc32c (modprobe(8))."""
        return self.has(name) or nics.normalize_name(name) in self.aliases

    def suggest(self, name: str, *, wired: bool) -> str:
        """A fix that names the module the user may have meant by `name`; with `wired`, a network driver."""
        other = OTHER_NAMES.get(nics.normalize_name(name).lower())
        if other and self.has(other):
            return f"did you mean '{other}'?"
        network = [module for module, path in self.modules.items() if path.startswith(WIRED)]
        fix = suggest(
            nics.normalize_name(name), [*network, *nics.WORDS] if wired else [*self.modules, *self.builtin], "modules"
        )
        return fix if fix.startswith("did") else f"see `find /lib/modules/{self.version}` in the tree"


def kernel_of(tree: Tree) -> Kernel:
    """The modules of the kernel of `tree`."""
    return Kernel(tree.kernel_version, tree.modules, tree.builtin_modules, tree.module_aliases)


def check(recipe: Recipe, kernel: Kernel) -> str | None:
    """Check that the kernel has every module that the recipe and its cluster name.

    Return a notice when the kernel lacks drivers of the group `common`, which is no error: nodes get the others.

    :raises RecipeError: the kernel lacks modules that are named; the error lists all of them.
    :raises NfsrootError: nodes could not mount their root, or no NIC would have a driver.
    """
    problems = tuple(_unknown(recipe, kernel))
    if problems:
        raise RecipeError(problems)
    _need_root(recipe, kernel)
    _need_nic(recipe, kernel)
    lacking = [name for name in nics.GROUP if not kernel.has(name)]
    if nics.COMMON not in recipe.initramfs.nic_drivers or not lacking:
        return None
    return f"Linux {kernel.version} lacks these drivers of common NICs: {', '.join(lacking)}"


def _unknown(recipe: Recipe, kernel: Kernel) -> Iterator[Problem]:
    named = [(name, recipe.module_places.get(name), False) for name in recipe.initramfs.modules]
    named += [(name, recipe.module_places.get(name), True) for name in recipe.initramfs.nic_drivers]
    named += [(nic, recipe.cluster.nic_places.get(nic), True) for nic in _nics(recipe)]
    for name, place, wired in named:
        if (
            not (name in nics.WORDS and wired)
            and not nics.is_removal(name)
            and not (kernel.has if wired else kernel.knows)(name)
        ):
            what = f"Linux {kernel.version} has no module '{name}'"
            yield Problem(*(place or Place(recipe.files[0], 0, 0)), what, kernel.suggest(name, wired=wired))


def _nics(recipe: Recipe) -> list[str]:
    return list(dict.fromkeys(node.nic for node in recipe.cluster.nodes if node.nic))


def _need_root(recipe: Recipe, kernel: Kernel) -> None:
    lacking = [name for name in initramfs.own_modules(recipe.root) if not kernel.has(name)]
    if lacking:
        raise NfsrootError(
            f"Linux {kernel.version} lacks what nodes need to mount their root: {', '.join(lacking)}",
            resolution="Name another kernel under [kernel] package, or another format or nfs_version under [root].",
        )


def _need_nic(recipe: Recipe, kernel: Kernel) -> None:
    """Refuse a release in which nodes without a `nic` would have no driver at all."""
    if not any(_drives(name, kernel) for name in nics.expand(recipe.initramfs.nic_drivers)):
        raise NfsrootError(
            f"the initramfs would have no driver of a NIC: Linux {kernel.version} has none of nic_drivers",
            resolution='Write nic_drivers = ["common"] under [initramfs], or the drivers of the nodes\' NICs.',
        )


def _drives(name: str, kernel: Kernel) -> bool:
    if name == nics.ALL:
        return any(path.startswith(WIRED) for path in kernel.modules.values())
    return kernel.has(name)
