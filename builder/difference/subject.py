"""Reads one side of a difference: all data of a release that are compared, unpacked in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from builder.difference.texts import Names
from builder.errors import InputError
from builder.layout import Layout
from builder.packing import tree_list
from builder.recipe.choices import RootKind
from builder.recipe.former_names import rename_table
from builder.recipe.models import Recipe
from builder.release.manifest import BEFORE_PARTS, Manifest, Package
from builder.release.reading import ANEW
from builder.release.source import ReleaseSource, find_file, read_file, read_part
from builder.release.unpacking import Text, read_files, unpack_gzip_member, unpack_zstd
from builder.release_names import bundle_file

MOST_OF_LIST = 128 << 20
"""The most bytes of a tree's list: some 800,000 paths, ten times as many as on a large desktop.  Two are in memory."""
MOST_OF_TEXTS = 64 << 20
"""The most bytes of the bundle's settings and menus, or of the overlay: 65,536 nodes, a recipe's most, take less."""


@dataclass(frozen=True)
class Subject:
    """A release, or the release that a recipe would make.

    `listing` is the list of its tree; `overlay` and `bundle` have the text files of the overlay and of the server
    bundle; `boot_files` the digest of each file that nodes load, by its path in the release.  A field that is not known
    is None, and `remarks` has a sentence about it.
    """

    title: str
    is_recipe: bool
    manifest: Manifest
    names: Names
    recipe: Recipe | None
    settings: Mapping[str, Any]
    packages: tuple[Package, ...] | None
    steps: Mapping[str, str]
    listing: bytes | None
    overlay: Mapping[str, Text] | None
    bundle: Mapping[str, Text]
    boot_files: Mapping[str, str]
    remarks: tuple[str, ...]


def read_release(source: ReleaseSource) -> Subject:
    """The subject of a release, which is read and unpacked.

    :raises InputError: a file of the release is damaged or too large.
    """
    manifest, where = source.manifest, source.describe()
    remarks = [f"{where}: {sentence}" for sentence in manifest.lost]
    if manifest.lost:
        remarks.append(f"{where}: The files that are rendered into its tree are not compared.")
    try:
        recipe = manifest.read_recipe()
    except InputError as error:
        recipe = None
        remarks.append(f"{where}: Its nodes are not known: {error.brief}.")
    boot_files = {file.path: file.sha256 for file in manifest.files if _is_loaded(file.path)}
    return Subject(
        title=f"{manifest.name} {manifest.version}",
        is_recipe=False,
        manifest=manifest,
        names=Names(manifest),
        recipe=recipe,
        settings=rename_table(manifest.recipe),
        packages=manifest.packages,
        steps=manifest.steps,
        listing=_read_listing(source),
        overlay=read_overlay(source, recipe),
        bundle=_read_bundle(source),
        boot_files=boot_files,
        remarks=tuple(remarks),
    )


def _is_loaded(path: str) -> bool:
    return path.startswith(("vmlinuz-", "initrd.img-", "pxegrub/"))


def _read_listing(source: ReleaseSource) -> bytes | None:
    file = find_file(source, tree_list.FILE)
    if file is None:
        return None
    return unpack_zstd(read_file(source, file, MOST_OF_LIST), MOST_OF_LIST, f"{file.path} of {source.describe()}")


def read_overlay(source: ReleaseSource, recipe: Recipe | None) -> Mapping[str, Text] | None:
    """The files of the overlay, which is the last part but one of a root tarball, or a file beside an image.

    None without a `recipe`, and for releases of schema 1, which do not say where in the tarball the overlay is.

    :raises InputError: the overlay is damaged or too large.
    """
    if recipe is None or source.manifest.schema_version == BEFORE_PARTS:
        return None
    overlay_file = Layout(recipe, source.manifest.version).overlay_file
    file = find_file(source, overlay_file)
    is_alone = recipe.root.kind is RootKind.IMAGE
    if file is None or (not is_alone and len(file.parts) < 2):
        raise _incomplete(source, overlay_file)
    what = f"the overlay in {file.path} of {source.describe()}"
    packed = read_part(source, file, -1 if is_alone else -2, MOST_OF_TEXTS)
    return read_files(unpack_zstd(packed, MOST_OF_TEXTS, what), what)


def _read_bundle(source: ReleaseSource) -> Mapping[str, Text]:
    """The settings and menus of the server bundle: the first gzip member (docs/reference/manifest.md)."""
    path = bundle_file(source.manifest.name, source.manifest.version)
    file = find_file(source, path)
    if file is None:
        raise _incomplete(source, path)
    what = f"{path} of {source.describe()}"
    return read_files(unpack_gzip_member(read_part(source, file, 0, MOST_OF_TEXTS), MOST_OF_TEXTS, what), what)


def _incomplete(source: ReleaseSource, path: str) -> InputError:
    return InputError(
        f"the manifest of {source.describe()} names no complete file {path}",
        resolution=ANEW,
    )
