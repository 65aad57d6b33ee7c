"""A site for tests: releases as `unpack` leaves them, made from a recipe without a build, and what nodes report."""

from __future__ import annotations

import json
from pathlib import Path

from layouts import layout_of

from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.site.places import Places
from builder.site.records import BUNDLE, Origin, Record, write_origin

KERNEL = "6.12.0-1-amd64"


def unpack(places: Places, recipe: Recipe, version: str, unpacked: int = 1) -> Record:
    """Put a release on the server: its record, and small files in place of kernel, initramfs and root."""
    layout = layout_of(recipe, version)
    directory = places.releases / recipe.image.name / version
    for file in render(layout):
        path = directory / BUNDLE / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(file.content))
    served = places.served / layout.tftp_directory.lstrip("/")
    served.mkdir(parents=True)
    for name in (layout.kernel_file, layout.initramfs_file()):
        (served / name).write_text(f"{name} of {version}")
    root = places.on_server(layout.server_directory)
    root.mkdir(parents=True, exist_ok=True)
    (root / "file").write_text(version)
    write_origin(directory, Origin("/srv/store", unpacked, "0" * 64))
    return Record(directory)


def report(places: Places, node: str, release: str, version: str, boot: int) -> None:
    """Write the report of a node that runs a release, as it arrives over NFS."""
    places.reports_over_nfs.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 1,
        "node": node,
        "release": release,
        "version": version,
        "boot_id": boot_id(boot),
        "state": "running",
        "seconds": 20.5,
        "failed": [],
        "time": 1_700_000_000,
    }
    (places.reports_over_nfs / node).write_text(json.dumps(document))


def boot_id(number: int) -> str:
    """The boot id of a boot that is known by a number."""
    return f"00000000-0000-4000-8000-{number:012x}"


def menus(places: Places) -> dict[str, str]:
    """The menus as nodes find them, by name."""
    return {path.name: path.read_text() for path in places.menus.iterdir() if path.is_file()}


def booted_kernel(menu: str) -> str:
    """The version whose kernel the first entry of a menu loads."""
    line = next(line for line in menu.splitlines() if line.lstrip().startswith(("kernel /", "linux /")))
    return Path(line.split()[1]).parent.name
