"""Archives of NIC drivers.  The drivers that a node's `nic` needs are appended to the initramfs that the node loads.

The kernel takes joined archives for one initramfs (Linux, driver-api/early-userspace/buffer-format.rst).  The `initrd`
of GRUB legacy's menus takes only one file, so the release has a file for each kind of card.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builder.boot.initramfs import in_files, lines_of
from builder.container.engine import Engine, Image, Job, Room
from builder.process import OnLine
from builder.recipe import nics
from builder.recipe.models import Element, Initramfs, Recipe
from builder.tree.build import Tree

STEP = "nic-drivers"

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


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    tree: Tree,
    element: Element,
    configured: Mapping[str, str],
    source_date: int,
    room: Room,
    on_line: OnLine,
) -> None:
    """Make the archives of NIC drivers in `directory`, each under its name.

    :raises CommandError: a module cannot be read, or the compressor failed.
    """
    with in_files(directory, configured) as conf:
        job = Job(
            argv=("/input/element/make-nic-archives", tree.kernel_version, "/output"),
            output=directory,
            inputs={
                "/input/element": element.path,
                "/input/conf": conf,
                "/input/paths": tree.paths,
                **tree.job_inputs,
            },
            environment={"SOURCE_DATE_EPOCH": str(source_date)},
            room=room,
        )
        engine.run(image, job, on_line)
