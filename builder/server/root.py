"""Commands that put a release's root into its place on the server, and the directories there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from builder.layout import Layout
from builder.recipe.choices import RootKind

UNPACK = "tar --zstd --numeric-owner --xattrs --xattrs-include='*' -xpf"


def commands(layout: Layout) -> tuple[str, ...]:
    """The commands of root's shell that put the root into its place; they run in the release's directory."""
    directory, root = layout.server_directory, layout.root_file
    if layout.recipe.root.kind is RootKind.IMAGE:
        return (
            f"mkdir -p {directory}",
            f"cp {root} {layout.root_place}",
            f"cp {layout.overlay_file} {directory}/overlay.tar.zst",
        )
    return (f"mkdir -p {directory}", f"{UNPACK} {root} -C {directory}", *_shared(layout))


def directories(layout: Layout) -> tuple[str, ...]:
    """The directories of a release on the server, which have all of the release but its settings."""
    return tuple(dict.fromkeys((layout.served_directory, layout.server_directory, layout.shared_directory)))


def _shared(layout: Layout) -> Iterator[str]:
    """Yield commands that move shared directories out of the root, where they stand outside; a mount point stays."""
    directory, shared = layout.server_directory, layout.shared_directory
    if shared != directory:
        for path in layout.recipe.root.shared:
            yield f"mkdir -p {PurePosixPath(shared + path).parent}"
            yield f"mv {directory}{path} {shared}{path}"
            yield f"mkdir {directory}{path}"
