"""The files that nodes load at boot: kernel, initramfs with the drivers of their NICs, and boot loaders."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from builder.boot import pxegrub
from builder.boot.nic_drivers import DEFAULT, archives
from builder.layout import Layout
from builder.tree.build import Tree


def join_initramfs(layout: Layout, initramfs: Path, drivers: Path, directory: Path) -> tuple[Path, ...]:
    """Write the initramfs files that nodes load into `directory`, and return them, one for each set of drivers.

    Each is the file in `initramfs`, followed by an archive of NIC drivers in `drivers`.
    """
    common = initramfs / layout.initramfs_file()
    return tuple(
        _join(directory / layout.initramfs_file(None if archive == DEFAULT else archive), (common, drivers / archive))
        for archive in archives(layout.recipe)
    )


def _join(file: Path, parts: Iterable[Path]) -> Path:
    with file.open("wb") as joined:
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, joined)
    return file


def find_boot_files(layout: Layout, tree: Tree, initramfs: Iterable[Path], loaders: Path) -> dict[str, Path]:
    """The files that nodes load, by path below the TFTP server's directory: kernel, initramfs files, boot loaders."""
    directory, variants = layout.tftp_directory.lstrip("/"), layout.recipe.boot.variants
    return {
        f"{directory}/{layout.kernel_file}": tree.kernel,
        **{f"{directory}/{file.name}": file for file in initramfs},
        **{name: loaders / file for variant in variants for name, file in pxegrub.SERVED[variant].items()},
    }
