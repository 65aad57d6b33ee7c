"""Modules that a recipe names and its kernel lacks: mistakes with near names, told apart from what is built in."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.boot.known_drivers import Kernel, check
from builder.errors import NfsrootError, RecipeError
from builder.recipe import nics
from builder.recipe.models import Initramfs, Recipe
from builder.recipe.place import Place

NAMES = (*nics.GROUP, "mlx5_core", "nfsv3", "af_packet", "squashfs", "iwlwifi")
KERNEL = Kernel(
    "6.12.1-amd64",
    {name: f"kernel/drivers/net/{name}.ko" for name in NAMES if name not in ("af_packet", "squashfs")},
    frozenset({"af_packet", "squashfs", "virtio_pci"}),
    frozenset({"crc32c"}),
)
CLOUD = Kernel(
    "6.12.1-cloud", {name: f"kernel/drivers/net/{name}.ko" for name in ("virtio_net", "nfsv3")}, KERNEL.builtin
)


def with_modules(recipe: Recipe, *nic_drivers: str, modules: tuple[str, ...] = (), nic: str | None = None) -> Recipe:
    """The recipe with modules that are written at made-up places, and a first node that has a `nic`."""
    first, *others = recipe.cluster.nodes
    nodes = (first.model_copy(update={"nic": nic}), *others)
    places = {name: Place(Path("mine.toml"), 3, column) for column, name in enumerate((*nic_drivers, *modules), 1)}
    cluster = recipe.cluster.model_copy(
        update={"nodes": nodes, "nic_places": {nic: Place(Path("clusters/c.toml"), 9, 7)} if nic else {}}
    )
    initramfs = Initramfs(nic_drivers=nic_drivers, modules=modules)
    return recipe.model_copy(update={"initramfs": initramfs, "cluster": cluster, "module_places": places})


@pytest.mark.parametrize(
    ("recipe", "kernel"),
    [
        ({"nic_drivers": ["common"]}, KERNEL),
        ({"nic_drivers": ["all", "-e1000"]}, CLOUD),
        ({"nic_drivers": ["virtio-net"]}, CLOUD),
        ({"nic_drivers": ["virtio_pci"], "modules": ("squashfs", "crc32c")}, KERNEL),
        ({"nic_drivers": ["common"], "nic": "igc"}, KERNEL),
        ({"nic_drivers": ["common"], "nic": "all"}, KERNEL),
    ],
)
def test_names_that_the_kernel_knows(kerrighed: Recipe, recipe: dict[str, object], kernel: Kernel) -> None:
    """Modules that are files, modules that are built in, other names of modules and groups are all taken."""
    drivers = recipe.pop("nic_drivers")
    assert isinstance(drivers, list)
    assert check(with_modules(kerrighed, *drivers, **recipe), kernel) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("virtionet", "did you mean 'virtio_net'?"),
        ("i225", "did you mean 'igc'?"),
        ("mlx5", "did you mean 'mlx5_core'?"),
        ("comon", "did you mean 'common'?"),
        ("zzz", "see `find /lib/modules/6.12.1-amd64` in the tree"),
    ],
)
def test_driver_that_is_unknown(kerrighed: Recipe, written: str, meant: str) -> None:
    """A driver that the kernel lacks is a mistake, at its place, with what may have been meant."""
    for recipe, place in (
        (with_modules(kerrighed, "common", written), "mine.toml:3:2"),
        (with_modules(kerrighed, "common", nic=written), "clusters/c.toml:9:7"),
    ):
        with pytest.raises(RecipeError) as raised:
            check(recipe, KERNEL)
        assert str(raised.value.problems[0]) == f"{place}: Linux 6.12.1-amd64 has no module '{written}'; {meant}"


def test_every_mistake_at_once(kerrighed: Recipe) -> None:
    """All names that the kernel lacks are told together, of modules and of drivers."""
    recipe = with_modules(kerrighed, "common", "e1000x", modules=("squashfz",), nic="igbx")
    with pytest.raises(RecipeError) as raised:
        check(recipe, KERNEL)
    assert [problem.fix for problem in raised.value.problems] == [
        "did you mean 'igb'?",
        "did you mean 'e1000'?",
        "did you mean 'squashfs'?",
    ]


def test_group_gives_way_to_the_kernel(kerrighed: Recipe) -> None:
    """Of a group there are those drivers that the kernel has; the others are named, and end nothing."""
    told = check(with_modules(kerrighed, "common"), CLOUD)
    assert told is not None
    assert told.startswith("Linux 6.12.1-cloud lacks these drivers of common NICs: 3c59x, ")
    assert "e1000" in told and "virtio_net" not in told


@pytest.mark.parametrize("drivers", [(), ("all",), ("common",)])
def test_no_driver_at_all(kerrighed: Recipe, drivers: tuple[str, ...]) -> None:
    """An initramfs with no driver of any NIC is never made."""
    kernel = Kernel("6.12.1-none", {"nfsv3": "kernel/fs/nfsv3.ko"}, KERNEL.builtin)
    with pytest.raises(NfsrootError, match="would have no driver of a NIC"):
        check(with_modules(kerrighed, *drivers), kernel)


def test_kernel_that_cannot_mount_the_root(kerrighed: Recipe) -> None:
    """What nfsroot itself needs of the kernel is looked for, too."""
    kernel = Kernel("6.12.1-small", {"virtio_net": "kernel/drivers/net/virtio_net.ko"}, frozenset({"af_packet"}))
    with pytest.raises(NfsrootError, match="lacks what nodes need to mount their root: nfsv3"):
        check(with_modules(kerrighed, "virtio_net"), kernel)
