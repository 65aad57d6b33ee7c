"""The parts of a manifest that determine the SBOMs of a release.

A publisher looks whether the cache has a release's SBOMs.  The models of manifests and recipes take most of the time
that the SBOMs themselves take, so that this module reads the manifest's JSON and has none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from builder.release.names import DPKG_DATA

LOADED = ("vmlinuz-", "initrd.img-", "pxegrub/")
"""The beginnings of the paths of files that nodes load."""

SECTIONS = ("debian", "kernel", "elements", "left_out", "logs")
"""The sections of a recipe that name packages."""


def identify(document: Mapping[str, Any]) -> dict[str, object]:
    """The parts of a manifest that determine the SBOMs: releases with equal parts have the same SBOMs.

    `document` is the manifest's JSON (docs/reference/manifest.md).
    """
    files = {file["path"]: file["sha256"] for file in document["files"] if is_of_software(file["path"])}
    return {
        "name": document["name"],
        "tree": document["steps"].get("tree") or document["content"],
        "date": document["source_date"],
        "tools": document["tools"],
        "files": files,
        "packages": [] if DPKG_DATA in files else document["packages"],
        "recipe": {section: document["recipe"].get(section) for section in SECTIONS},
        "kernel": document["kernel_version"],
    }


def is_of_software(path: str) -> bool:
    """Whether a file of a release holds software, or dpkg's data of it."""
    return path == DPKG_DATA or path.startswith(LOADED)
