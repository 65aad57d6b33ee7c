"""The initramfs: made once, in the container, from the finished tree."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from builder.container.engine import Engine, Image, Job, Room
from builder.errors import InputError
from builder.process import OnLine
from builder.recipe.models import Element, Initramfs, Recipe, Root, RootKind, RootTransport
from builder.tree.build import Tree

STEP = "initramfs"
ELEMENT = "initramfs-nfs"

BASE_MODULES = ("af_packet",)
"""Every initramfs needs this: raw sockets, for its own DHCP client."""

BUS_OF = {"virtio_net": "virtio_pci"}
"""The driver of the bus that a NIC is at, where Debian has it as a module: bookworm's kernel does, trixie's has it
built in.  No driver depends on its bus's, so mkinitramfs(8) does not find it."""

SETTINGS = """\
MODULES=list
BUSYBOX=y
KEYMAP=n
COMPRESS={compression}
COMPRESSLEVEL={level}
BOOT={boot}
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


def parts(root: Root) -> tuple[str, ...]:
    """The element's directories with what mounts such a root, beside the NFS client of klibc, which is always there.

    The last one has the boot script of its name (initramfs-tools(7), "Boot scripts").
    """
    nfs4 = ("nfs4",) if root.nfs_version == 4 and root.transport is RootTransport.NFS else ()
    return (*nfs4, "image") if root.kind is RootKind.IMAGE else nfs4


def configuration(initramfs: Initramfs, root: Root) -> dict[str, str]:
    """The files of an initramfs-tools configuration directory, by name (mkinitramfs(8), -d).

    Two are the element's own: `parts` names its directories to be added, and `nic_drivers` those of the modules that
    are only loaded for a card that is there.
    """
    layers = ("loop", root.format, "overlay") if root.kind is RootKind.IMAGE else ()
    client = (f"nfsv{root.nfs_version}",) if root.transport is RootTransport.NFS else ()
    buses = (BUS_OF[driver] for driver in initramfs.nic_drivers if driver in BUS_OF)
    drivers = (*buses, *initramfs.nic_drivers)
    modules = (*client, *BASE_MODULES, *layers, *drivers, *initramfs.modules)
    boot = ("nfs", *parts(root))[-1]
    settings = SETTINGS.format(compression=initramfs.compression, level=initramfs.compression_level, boot=boot)
    return {
        "initramfs.conf": settings,
        "modules": _lines(modules),
        "nic_drivers": _lines(driver for driver in drivers if driver not in initramfs.modules),
        "parts": _lines(parts(root)),
        "update-initramfs.conf": "update_initramfs=no\nbackup_initramfs=no\n",
    }


def _lines(words: Iterable[str]) -> str:
    return "".join(f"{word}\n" for word in dict.fromkeys(words))


def configure(directory: Path, initramfs: Initramfs, root: Root) -> Path:
    """Write the configuration that an initramfs is made by into `directory`, and say where."""
    conf = directory / "conf"
    conf.mkdir(parents=True)
    for name, text in configuration(initramfs, root).items():
        (conf / name).write_text(text, encoding="utf-8")
    return conf


def make(
    directory: Path,
    *,
    engine: Engine,
    image: Image,
    tree: Tree,
    element: Element,
    initramfs: Initramfs,
    root: Root,
    source_date: int,
    room: Room,
    on_line: OnLine,
) -> None:
    """Make `initrd.img-KVER` in `directory`.

    :raises CommandError: mkinitramfs failed.
    """
    conf = configure(directory, initramfs, root)
    job = Job(
        argv=("/input/element/make-initramfs", tree.kernel_version, "/output"),
        output=directory,
        inputs={"/input/element": element.path, "/input/conf": conf, "/input/tree.tar.zst": tree.part},
        environment={"SOURCE_DATE_EPOCH": str(source_date)},
        room=room,
    )
    engine.run(image, job, on_line)


def made(directory: Path) -> bool:
    """Whether there is an initramfs in `directory`."""
    return any(directory.glob("initrd.img-*"))
