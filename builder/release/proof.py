"""Finds the proof of a release that the lab has not tried: another release with the same tree that passed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builder.errors import InputError
from builder.packing import tree_list
from builder.release import verdict
from builder.release.names import FILE, Lab
from builder.settings.sizes import sizes

OF_THE_CLUSTER = ("overlay", "server-bundle")
"""The steps whose keys differ when nodes are added to a cluster, changed or taken away."""


def standing(directory: Path) -> str:
    """The lab's verdict on the release in `directory`, in words, or the release with the same tree that proves it.

    :raises InputError: the release's own manifest or report cannot be read.
    """
    lab = verdict.read(directory)
    return (_leaning(directory) or str(lab)) if lab is Lab.NONE else str(lab)


def tell_standing(directory: Path) -> str:
    """The lab's verdict on the release in `directory`, in words; `unknown` and the reason when it cannot be read."""
    try:
        return standing(directory)
    except InputError as error:
        return f"unknown ({error.brief})"


def _leaning(directory: Path) -> str:
    """Words on the newest release that proves the one in `directory`; empty when there is none."""
    manifest = _manifest(directory)
    for other, proved in _others(directory):
        differing = differences(manifest, proved)
        if differing is not None and _passed(other):
            which = f"{', '.join(differing)} differ" if differing else "no file differs"
            return f"proved: same tree as {other.name}, which passed; {which}"
    return ""


def differences(manifest: Mapping[str, Any], proved: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The files in which a release differs from one that passed the lab; None when that one does not prove it.

    A release proves another one when tree, initramfs, boot loaders and the code that renders all other files are the
    same, and the recipes differ in the cluster's nodes alone.  More nodes may ask for other limits of the server: then
    the other release is not proved.
    """
    try:
        if _all_but_nodes(manifest) != _all_but_nodes(proved) or not manifest["code"]:
            return None
        mine, other = _files(manifest), _files(proved)
    except (LookupError, TypeError, ValueError, AttributeError):  # an older nfsroot made a manifest, or one is damaged
        return None
    changed = {path for path in mine.keys() | other.keys() if mine.get(path) != other.get(path)}
    return tuple(sorted(changed)) if changed <= CLUSTER_FILES else None


CLUSTER_FILES = {"root.tar.zst", "overlay.tar.zst", "server.tar.gz", tree_list.FILE}
"""The files of a release whose content depends on its cluster, without the release's name and version."""


def _all_but_nodes(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    recipe = dict(manifest["recipe"])
    cluster, image = dict(recipe.pop("cluster")), dict(recipe.pop("image"))
    nodes = cluster.pop("nodes")
    image.pop("version", None)
    steps = {step: key for step, key in manifest["steps"].items() if step not in OF_THE_CLUSTER}
    return manifest["name"], manifest["code"], manifest["tools"], steps, recipe, cluster, image, sizes(len(nodes))


def _files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """The digest of each file by its path, without the release's name and version."""
    stem = f"{manifest['name']}-{manifest['version']}-"
    return {file["path"].removeprefix(stem): file["sha256"] for file in manifest["files"]}


def _others(directory: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the other releases of the recipe with their manifests, the newest first; skip those that cannot be read."""
    found = [file.parent for file in directory.parent.glob(f"[!.]*/{FILE}") if file.parent.name != directory.name]
    for other in sorted(found, key=lambda path: (path / FILE).stat().st_mtime, reverse=True):
        try:
            yield other, _manifest(other)
        except InputError:
            continue


def _passed(directory: Path) -> bool:
    try:
        return verdict.read(directory) is Lab.PASSED
    except InputError:
        return False


def _manifest(directory: Path) -> Mapping[str, Any]:
    file = directory / FILE
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{file} holds no manifest")
    return found
