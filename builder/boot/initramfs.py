"""The initramfs, made once from the finished tree in the builder image.  NIC drivers are appended to it later."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from builder.errors import InputError
from builder.plan.step import ENGINES, Making
from builder.recipe.choices import RootKind, RootTransport
from builder.recipe.models import Initramfs, Recipe, Root
from builder.tree.beside import BesideTree
from builder.tree.elements import MAKER

BASE_MODULES = ("af_packet",)
"""The modules that every initramfs needs: raw sockets, for its own DHCP client."""

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
"""The template of initramfs.conf(5)."""


def need_element(recipe: Recipe) -> None:
    """Refuse a recipe whose elements cannot make an initramfs.

    :raises InputError: the element that brings initramfs-tools is missing.
    """
    if MAKER not in (element.name for element in recipe.elements):
        raise InputError(
            f"recipe {recipe.image.name} has no element that makes an initramfs",
            resolution=f'Add "{MAKER}", or an element that depends on it, to its elements.',
        )


def parts(root: Root) -> tuple[str, ...]:
    """The element's directories with the files that mount this root, besides the NFS client of klibc.

    The last directory has a boot script of its own name (initramfs-tools(7), "Boot scripts").
    """
    nfs4 = ("nfs4",) if root.nfs_version == 4 and root.transport is RootTransport.NFS else ()
    return (*nfs4, "image") if root.kind is RootKind.IMAGE else nfs4


def own_modules(root: Root) -> tuple[str, ...]:
    """The modules that mount this root."""
    layers = ("loop", root.format, "overlay") if root.kind is RootKind.IMAGE else ()
    client = (f"nfsv{root.nfs_version}",) if root.transport is RootTransport.NFS else ()
    return (*client, *BASE_MODULES, *layers)


def configuration(initramfs: Initramfs, root: Root) -> dict[str, str]:
    """The files of an initramfs-tools configuration directory, by name (mkinitramfs(8), -d).

    The file `parts` is not initramfs-tools': it names the element's directories that make-initramfs adds.
    """
    boot = ("nfs", *parts(root))[-1]
    settings = SETTINGS.format(compression=initramfs.compression, level=initramfs.compression_level, boot=boot)
    return {
        "initramfs.conf": settings,
        "modules": lines_of((*own_modules(root), *initramfs.modules)),
        "parts": lines_of(parts(root)),
        "update-initramfs.conf": "update_initramfs=no\nbackup_initramfs=no\n",
    }


def lines_of(words: Iterable[str]) -> str:
    """The text with one word per line, without repeats."""
    return "".join(f"{word}\n" for word in dict.fromkeys(words))


class InitramfsStep(BesideTree):
    """The step that makes `initrd.img-KVER`, the initramfs of the tree's kernel."""

    name = "initramfs"
    making = Making((__name__, ENGINES))
    script = "make-initramfs"

    def configuration(self, recipe: Recipe) -> Mapping[str, str]:
        """The files of a configuration directory for mkinitramfs(8)."""
        return configuration(recipe.initramfs, recipe.root)


INITRAMFS = InitramfsStep()
