"""Sets of nodes as people write them: `ssi[1-2,4]` (ClusterShell's NodeSet)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from builder.errors import InputError


def read_nodes(text: str, known: Collection[str]) -> tuple[str, ...]:
    """The names in a set of nodes, of which each must be among the `known` ones.

    :raises InputError: the text is no set of nodes, or names one that is not known.
    """
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException

    try:
        names = tuple(NodeSet(text, resolver=RESOLVER_NOGROUP))
    except NodeSetException as error:
        raise InputError(
            f"--nodes {text}: this is no set of nodes: {error}", resolution="Write names as in ssi[1-2],ssi4."
        ) from error
    strangers = [name for name in names if name not in known]
    if not names or strangers:
        raise InputError(
            f"--nodes {text}: the cluster has no node {fold(strangers)}" if strangers else "--nodes names no node",
            resolution=f"Its nodes are {fold(known)}.",
        )
    return names


def fold(names: Iterable[str]) -> str:
    """Names of nodes as one set, such as `ssi[1-2,4]`."""
    from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet

    return str(NodeSet.fromlist(list(names), resolver=RESOLVER_NOGROUP))
