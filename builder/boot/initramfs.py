"""The initramfs, made once from the finished tree in the builder image.  NIC drivers are appended to it later."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder.container.engine import Engine, Image, Job, Room
from builder.errors import InputError
from builder.process import OnLine
from builder.recipe.models import Element, Initramfs, Recipe, Root, RootKind, RootTransport
from builder.tree.build import Tree

STEP = "initramfs"
ELEMENT = "initramfs-nfs"

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
    if ELEMENT not in (element.name for element in recipe.elements):
        raise InputError(
            f"recipe {recipe.image.name} has no element that makes an initramfs",
            resolution=f'Add "{ELEMENT}", or an element that depends on it, to its elements.',
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
    """Make `initrd.img-KVER` in `directory`; `configured` are the files of its configuration.

    :raises CommandError: mkinitramfs failed.
    """
    with in_files(directory, configured) as conf:
        job = Job(
            argv=("/input/element/make-initramfs", tree.kernel_version, "/output"),
            output=directory,
            inputs={"/input/element": element.path, "/input/conf": conf, **tree.job_inputs},
            environment={"SOURCE_DATE_EPOCH": str(source_date)},
            room=room,
        )
        engine.run(image, job, on_line)


@contextlib.contextmanager
def in_files(directory: Path, configured: Mapping[str, str]) -> Iterator[Path]:
    """A temporary directory in `directory` with the files of a configuration, for the inputs of a job."""
    conf = directory / "conf"
    conf.mkdir()
    for name, text in configured.items():
        (conf / name).parent.mkdir(parents=True, exist_ok=True)
        (conf / name).write_text(text, encoding="utf-8")
    yield conf
    shutil.rmtree(conf)
