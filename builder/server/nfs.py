"""Decides the exports of a cluster's NFS server once, for the kernel's server and for nfs-ganesha."""

from __future__ import annotations

import uuid

from builder.layout import Layout
from builder.recipe.choices import Access, WritableKind
from builder.recipe.models import Recipe
from builder.settings.exports import Export


def exports(layout: Layout) -> tuple[Export, ...]:
    """The exports of a release: its root, and each shared writable directory of a read-only root.

    An image that comes over HTTP needs no export.
    """
    recipe, root = layout.recipe, layout.server_directory
    if not recipe.needs_nfs:
        return ()
    if recipe.root.access is Access.READ_WRITE:
        return (_export(recipe, root, read_write=True),)
    return (
        _export(recipe, root, read_write=False),
        *(_export(recipe, layout.shared_directory + path, read_write=True) for path in recipe.root.shared),
    )


def state_exports(recipe: Recipe) -> tuple[Export, ...]:
    """The exports of directories that outlive releases, which no release changes.

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
