"""What the NFS server of a cluster exports, decided once for the kernel's server and for nfs-ganesha."""

from __future__ import annotations

import uuid
from typing import NamedTuple

from builder.recipe.models import Access, Recipe, WritableKind

GANESHA_IDS = range(1, 1 << 16)
"""What an Export_Id may be; 0 is the pseudo root's (ganesha-export-config(8))."""


class Export(NamedTuple):
    """One directory that the NFS server exports to `clients`: the cluster's network, or a node's address.

    `fsid` makes handles of the exports differ although they share a file system, which need not have a UUID of
    its own.
    """

    path: str
    clients: str
    read_write: bool
    fsid: uuid.UUID

    @property
    def options(self) -> tuple[str, ...]:
        """As exports(5) writes them.

        A write is answered when it is on the server's disk (sync): what a node has fsynced outlives a crash of the
        server.  Where nobody writes, it does not matter.
        """
        access, commit = ("rw", "sync") if self.read_write else ("ro", "async")
        return (access, commit, "no_root_squash", "no_subtree_check", f"fsid={self.fsid}")


def exports(recipe: Recipe, version: str) -> tuple[Export, ...]:
    """The exports of a release: its root, and each shared writable directory of a read-only root.

    An image that comes over HTTP needs none.
    """
    if not recipe.needs_nfs:
        return ()
    root, shared = recipe.server_directory(version), recipe.shared_directory(version)
    if recipe.root.access is Access.READ_WRITE:
        return (_export(recipe, root, read_write=True),)
    return (
        _export(recipe, root, read_write=False),
        *(_export(recipe, shared + path, read_write=True) for path in recipe.root.shared),
    )


def state_exports(recipe: Recipe) -> tuple[Export, ...]:
    """The exports of what outlives releases, which no release changes.

    Each node mounts its own directory below that of all nodes; with `isolate` each has an export of its own.
    """
    places = recipe.state_places
    return (
        *(
            _export(recipe, place, read_write=True)
            for kind, place in places.items()
            if kind is not WritableKind.NODE or not recipe.root.isolate
        ),
        *(
            _export(recipe, f"{places[WritableKind.NODE]}/{node.name}", read_write=True, clients=str(node.address))
            for node in recipe.cluster.nodes
            if recipe.root.isolate and WritableKind.NODE in places
        ),
    )


def _export(recipe: Recipe, path: str, *, read_write: bool, clients: str = "") -> Export:
    fsid = uuid.uuid5(uuid.NAMESPACE_URL, f"nfs://{recipe.cluster.server.address}{path}")
    return Export(path, clients or str(recipe.cluster.subnet), read_write, fsid)


def ganesha_ids(exports: tuple[Export, ...]) -> dict[str, int]:
    """The Export_Id of each export by its path: drawn from its fsid, so that releases seldom share one.

    Within a release none is given twice; install.sh looks at the releases that a server has together.
    """
    ids: dict[str, int] = {}
    for export in exports:
        number = export.fsid.int % len(GANESHA_IDS)
        while GANESHA_IDS[number] in ids.values():
            number = (number + 1) % len(GANESHA_IDS)
        ids[export.path] = GANESHA_IDS[number]
    return ids
