"""How a release's root gets to where the NFS server exports it from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.recipe.models import Recipe, RootKind

UNPACK = "tar --zstd --numeric-owner --xattrs --xattrs-include='*' -xpf"


def commands(recipe: Recipe, version: str) -> tuple[str, ...]:
    """Commands of root's shell on the server, in the release's directory."""
    directory, root = recipe.server_directory(version), recipe.root_file(version)
    if recipe.root.kind is RootKind.IMAGE:
        return (
            f"mkdir -p {directory}",
            f"cp {root} {directory}/root.{recipe.root.format}",
            f"cp {recipe.overlay_file(version)} {directory}/overlay.tar.zst",
        )
    return (f"mkdir -p {directory}", f"{UNPACK} {root} -C {directory}", *_shared(recipe, version))


def directories(recipe: Recipe, version: str) -> tuple[str, ...]:
    """What there is of a release below the directory of its recipe."""
    return tuple(dict.fromkeys((recipe.server_directory(version), recipe.shared_directory(version))))


def _shared(recipe: Recipe, version: str) -> Iterator[str]:
    """Move shared directories out of the root, where they have to stand outside of it; a mount point stays."""
    directory, shared = recipe.server_directory(version), recipe.shared_directory(version)
    if shared != directory:
        for path in recipe.root.shared:
            yield f"mkdir -p {PurePosixPath(shared + path).parent}"
            yield f"mv {directory}{path} {shared}{path}"
            yield f"mkdir {directory}{path}"
