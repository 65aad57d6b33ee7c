"""What nodes mount beside their root, and where a node keeps what is its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from builder.recipe.models import Access, Recipe, WritableDirectory, WritableKind

VOLATILE_STATE = "/run/nfsbooted"
PERSISTENT_STATE = "/var/lib/nfsbooted"
STICKY = frozenset({"/tmp", "/var/tmp"})


@dataclass(frozen=True)
class Mount:
    """One line of fstab(5): a writable directory of a node."""

    device: str
    path: str
    type: str
    options: str
    kind: WritableKind


def mounts(recipe: Recipe, version: str) -> tuple[Mount, ...]:
    """The writable directories that nodes mount, a directory before what stands below it.

    A read-write root is one export that holds its shared directories already: only tmpfs is left to mount.
    """
    directories = sorted(recipe.root.writable, key=lambda directory: directory.path)
    if recipe.root.access is Access.READ_WRITE:
        directories = [directory for directory in directories if directory.kind is WritableKind.TMPFS]
    return tuple(
        _tmpfs(directory) if directory.kind is WritableKind.TMPFS else _shared(directory, recipe, version)
        for directory in directories
    )


def state_directory(recipe: Recipe) -> str:
    """Where a node keeps its ssh host keys: on the server where nodes can write to it, else in memory."""
    kinds = {mount.path: mount.kind for mount in mounts(recipe, "")}
    root = WritableKind.SHARED if recipe.root.access is Access.READ_WRITE else WritableKind.TMPFS
    state = PurePosixPath(PERSISTENT_STATE)
    nearest = next((kinds[str(path)] for path in (state, *state.parents) if str(path) in kinds), root)
    return PERSISTENT_STATE if nearest is WritableKind.SHARED else VOLATILE_STATE


def _tmpfs(directory: WritableDirectory) -> Mount:
    mode = "1777" if directory.path in STICKY else "0755"
    size = f",size={directory.size_mib}m" if directory.size_mib else ""
    return Mount("tmpfs", directory.path, "tmpfs", f"mode={mode},nosuid,nodev{size}", directory.kind)


def _shared(directory: WritableDirectory, recipe: Recipe, version: str) -> Mount:
    """NFSv3 locks with daemons of its own, which no node runs: locks stay the node's own."""
    device = f"{recipe.cluster.server.address}:{recipe.shared_directory(version)}{directory.path}"
    options = {3: "rw,hard,nolock,vers=3,_netdev", 4: "rw,hard,vers=4,_netdev"}
    return Mount(device, directory.path, "nfs", options[recipe.root.nfs_version], directory.kind)
