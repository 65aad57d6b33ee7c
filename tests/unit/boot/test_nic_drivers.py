"""Which archives of NIC drivers a recipe and its cluster need, and how they are compressed."""

from __future__ import annotations

import pytest

from builder.boot import nic_drivers
from builder.recipe import nics
from builder.recipe.models import Initramfs, Recipe


def with_nics(recipe: Recipe, *names: str, **initramfs: object) -> Recipe:
    """The recipe with nodes that have these `nic`, and settings of its initramfs."""
    nodes = [node.model_copy(update={"nic": nic}) for node, nic in zip(recipe.cluster.nodes, names, strict=False)]
    cluster = recipe.cluster.model_copy(update={"nodes": (*nodes, *recipe.cluster.nodes[len(nodes) :])})
    return recipe.model_copy(update={"cluster": cluster, "initramfs": Initramfs.model_validate(initramfs)})


def test_archive_for_each_kind_of_card(kerrighed: Recipe) -> None:
    """There is an archive for nodes that say nothing, and one for each `nic`, however many nodes have it."""
    found = nic_drivers.archives(with_nics(kerrighed, "igc", "virtio-net", "igc"))
    assert found == {"default": nics.GROUP, "igc": ("igc",), "virtio-net": ("virtio_net",)}


@pytest.mark.parametrize(
    ("compression", "command", "best"),
    [
        ("zstd", "zstd --quiet --stdout -3", "zstd --quiet --stdout -19"),
        ("gzip", "gzip --no-name --stdout -3", "gzip --no-name --stdout -9"),
        ("xz", "xz --check=crc32 --stdout -3", "xz --check=crc32 --stdout -9"),
        ("lz4", "gzip --no-name --stdout -9", "gzip --no-name --stdout -9"),
    ],
)
def test_compressor(kerrighed: Recipe, compression: str, command: str, best: str) -> None:
    """Groups are compressed as the recipe says, one driver as far as its compressor can."""
    recipe = with_nics(kerrighed, "igc", "all", compression=compression, compression_level=3)
    found = nic_drivers.configuration(recipe)
    assert found["compressor/default"].split() == found["compressor/all"].split() == command.split()
    assert found["compressor/igc"].split() == best.split()
