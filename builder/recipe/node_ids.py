"""The rules of `kerrighed.node_ids`, which compare them with the cluster's nodes."""

from __future__ import annotations

from collections.abc import Iterator

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.input_models import RecipeInput
from builder.recipe.messages import quote_some, suggest
from builder.recipe.models import Cluster


def node_id_problems(recipe: RecipeInput, document: Document, cluster: Cluster) -> Iterator[Problem]:
    """Yield a problem for each unknown node, each id of two nodes, and for ordinals that are too large for an id."""
    if recipe.kerrighed is None:
        return
    path = ("kerrighed", "node_ids")
    ids = recipe.kerrighed.node_ids
    names = {node.name for node in cluster.nodes}
    for name in ids:
        if name not in names:
            fix = suggest(name, names, "nodes")
            yield document.problem((*path, name), f"there is no node {name!r} in the cluster", fix, key=True)
    yield from _repeated_ids(ids, cluster, document)
    beyond = [node.name for node in cluster.nodes if node.name not in ids and node.ordinal > 255]
    if beyond:
        what = f"no node id for {quote_some(beyond)}: ids end at 255"
        yield document.problem(("kerrighed",), what, "give ids in kerrighed.node_ids, or have fewer nodes")


def _repeated_ids(ids: dict[str, int], cluster: Cluster, document: Document) -> Iterator[Problem]:
    path = ("kerrighed", "node_ids")
    owners: dict[int, str] = {}
    for name, number in ids.items():
        owner = owners.setdefault(number, name)
        if owner != name:
            what = f"node id {number} is given already at {document.at((*path, owner))}"
            yield document.problem((*path, name), what, "give every node an id of its own")
    for node in cluster.nodes:
        if node.name not in ids and node.ordinal in owners:
            what = f"node id {node.ordinal} is that of '{node.name}', by its place in the cluster"
            place = (*path, owners[node.ordinal])
            yield document.problem(place, what, f"give '{node.name}' an id here too, or write another")
