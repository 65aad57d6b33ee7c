"""Commands that put a release's root into its place on the server, and the paths there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.recipe.models import TFTP_DIRECTORY, Recipe, RootKind

UNPACK = "tar --zstd --numeric-owner --xattrs --xattrs-include='*' -xpf"


def commands(recipe: Recipe, version: str) -> tuple[str, ...]:
    """The commands of root's shell that put the root into its place; they run in the release's directory."""
    directory, root = recipe.server_directory(version), recipe.root_file(version)
    if recipe.root.kind is RootKind.IMAGE:
        return (
            f"mkdir -p {directory}",
            f"cp {root} {place(recipe, version)}",
            f"cp {recipe.overlay_file(version)} {directory}/overlay.tar.zst",
        )
    return (f"mkdir -p {directory}", f"{UNPACK} {root} -C {directory}", *_shared(recipe, version))


def place(recipe: Recipe, version: str) -> str:
    """The path on the server that nodes mount or fetch: the directory of the root, or the image in it."""
    directory = recipe.server_directory(version)
    return f"{directory}/root.{recipe.root.format}" if recipe.root.kind is RootKind.IMAGE else directory


def directories(recipe: Recipe, version: str) -> tuple[str, ...]:
    """The directories of a release on the server, which have all of the release but its settings."""
    served = f"/{TFTP_DIRECTORY}{recipe.tftp_directory(version)}"
    return tuple(dict.fromkeys((served, recipe.server_directory(version), recipe.shared_directory(version))))


def _shared(recipe: Recipe, version: str) -> Iterator[str]:
    """Yield commands that move shared directories out of the root, where they stand outside; a mount point stays."""
    directory, shared = recipe.server_directory(version), recipe.shared_directory(version)
    if shared != directory:
        for path in recipe.root.shared:
            yield f"mkdir -p {PurePosixPath(shared + path).parent}"
            yield f"mv {directory}{path} {shared}{path}"
            yield f"mkdir {directory}{path}"
