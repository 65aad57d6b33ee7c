"""The initramfs: made once, in the container, from the finished tree."""

from __future__ import annotations

from pathlib import Path

from builder.container.engine import Engine, Image, Job
from builder.errors import InputError
from builder.process import OnLine
from builder.recipe.models import Element, Initramfs, Recipe
from builder.tree.build import Tree

STEP = "initramfs"
ELEMENT = "initramfs-nfs"
WORK_MIB = 4096

BASE_MODULES = ("nfsv3", "af_packet")
"""Every NFS root needs these: the client for NFSv3, and raw sockets for the initramfs's own DHCP client."""

SETTINGS = """\
MODULES=list
BUSYBOX=y
KEYMAP=n
COMPRESS={compression}
COMPRESSLEVEL={level}
BOOT=nfs
DEVICE=
NFSROOT=auto
RUNSIZE=10%
FSTYPE=
"""
"""initramfs.conf(5)."""


def need_element(recipe: Recipe) -> None:
    """Refuse a recipe whose tree no initramfs can be made from.

    :raises InputError: the element that brings initramfs-tools is missing.
    """
    if ELEMENT not in (element.name for element in recipe.elements):
        raise InputError(
            f"recipe {recipe.image.name} has no element that makes an initramfs",
            resolution=f'Add "{ELEMENT}", or an element that depends on it, to its elements.',
        )


def configuration(initramfs: Initramfs) -> dict[str, str]:
    """The files of an initramfs-tools configuration directory, by name (mkinitramfs(8), -d)."""
    modules = (*BASE_MODULES, *initramfs.nic_drivers, *initramfs.modules)
    return {
        "initramfs.conf": SETTINGS.format(compression=initramfs.compression, level=initramfs.compression_level),
        "modules": "".join(f"{module}\n" for module in dict.fromkeys(modules)),
        "update-initramfs.conf": "update_initramfs=no\nbackup_initramfs=no\n",
    }


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    tree: Tree,
    element: Element,
    initramfs: Initramfs,
    source_date: int,
    work: Path | None,
    on_line: OnLine,
) -> None:
    """Make `initrd.img-KVER` in `directory`.

    :raises CommandError: mkinitramfs failed.
    """
    conf = directory / "conf"
    conf.mkdir()
    for name, text in configuration(initramfs).items():
        (conf / name).write_text(text)
    job = Job(
        argv=("/input/element/make-initramfs", tree.kernel_version),
        output=directory,
        inputs={"/input/element": element.path, "/input/conf": conf, "/input/tree.tar.zst": tree.part},
        environment={"SOURCE_DATE_EPOCH": str(source_date)},
        work_mib=WORK_MIB,
        work=work,
    )
    engine.run(image, job, on_line)
