"""The writable directories that nodes mount beside their root, and the place of a node's own ssh host keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from builder.layout import Layout
from builder.recipe.choices import STATE_KINDS, Access, WritableKind
from builder.recipe.models import Recipe, WritableDirectory

VOLATILE_STATE = "/run/nfsbooted"
PERSISTENT_STATE = "/var/lib/nfsbooted"
STICKY = frozenset({"/tmp", "/var/tmp"})


NFS_OPTIONS = {3: "rw,hard,nolock,vers=3", 4: "rw,hard,vers=4"}
"""The options of mount(8) for NFS directories that nodes write to, by the version of NFS.

NFSv3 needs daemons for locks, and no node runs them: with nolock, locks are local to the node.
"""


@dataclass(frozen=True)
class Mount:
    """A writable directory of a node.

    The first four attributes are a line of fstab(5); a directory with state has no line, because nfsbooted mounts it.
    """

    device: str
    path: str
    type: str
    options: str
    kind: WritableKind


def mounts(layout: Layout) -> tuple[Mount, ...]:
    """The writable directories that nodes mount, each before those below it.

    A read-write root is one export with all shared directories in it, so nodes mount only tmpfs.
    """
    recipe, directories = layout.recipe, [*layout.recipe.root.writable]
    if recipe.root.access is Access.READ_WRITE:
        directories = [directory for directory in directories if directory.kind is WritableKind.TMPFS]
    elif _keeps_keys_apart(recipe):
        directories.append(WritableDirectory(path=PERSISTENT_STATE, kind=WritableKind.NODE))
    make = {WritableKind.TMPFS: lambda directory, *_: _tmpfs(directory), WritableKind.SHARED: _shared}
    return tuple(
        make.get(directory.kind, _state)(directory, layout)
        for directory in sorted(directories, key=lambda directory: directory.path)
    )


def state_directory(recipe: Recipe) -> str:
    """The directory in which a node keeps its ssh host keys: on the server if nodes can write there, else in memory."""
    on_server = _kind_of_keys(recipe) is not WritableKind.TMPFS or _keeps_keys_apart(recipe)
    return PERSISTENT_STATE if on_server else VOLATILE_STATE


def keys_outlive_releases(recipe: Recipe) -> bool:
    """Whether a node has the same ssh host keys when it boots another release."""
    return _kind_of_keys(recipe) in STATE_KINDS or _keeps_keys_apart(recipe)


def _kind_of_keys(recipe: Recipe) -> WritableKind:
    """The kind of the writable directory that contains PERSISTENT_STATE, or of the root if none does."""
    root = WritableKind.SHARED if recipe.root.access is Access.READ_WRITE else WritableKind.TMPFS
    kinds = {directory.path: directory.kind for directory in recipe.root.writable}
    state = PurePosixPath(PERSISTENT_STATE)
    return next((kinds[str(path)] for path in (state, *state.parents) if str(path) in kinds), root)


def _keeps_keys_apart(recipe: Recipe) -> bool:
    """Whether ssh host keys need a directory of their own in a node's state, because the state lacks /var/lib."""
    has_own = any(directory.kind is WritableKind.NODE for directory in recipe.root.writable)
    return has_own and _kind_of_keys(recipe) not in STATE_KINDS


def _tmpfs(directory: WritableDirectory) -> Mount:
    mode = "1777" if directory.path in STICKY else "0755"
    size = f",size={directory.size_mib}m" if directory.size_mib else ""
    return Mount("tmpfs", directory.path, "tmpfs", f"mode={mode},nosuid,nodev{size}", directory.kind)


def _shared(directory: WritableDirectory, layout: Layout) -> Mount:
    device = f"{layout.recipe.cluster.server.address}:{layout.shared_directory}{directory.path}"
    options = f"{NFS_OPTIONS[layout.recipe.root.nfs_version]},_netdev"
    return Mount(device, directory.path, "nfs", options, directory.kind)


def _state(directory: WritableDirectory, layout: Layout) -> Mount:
    """The mount of a directory with state.

    Each node's own state lies in a directory of the node's name.  NODE stands for the name, which nfsbooted(8) fills in
    on the node.
    """
    recipe, name = layout.recipe, "/NODE" if directory.kind is WritableKind.NODE else ""
    device = f"{recipe.cluster.server.address}:{recipe.state_places[directory.kind]}{name}{directory.path}"
    return Mount(device, directory.path, "nfs", NFS_OPTIONS[recipe.root.nfs_version], directory.kind)
