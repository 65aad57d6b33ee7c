"""Finds unpacked releases by name and version, and the nodes of their clusters."""

from __future__ import annotations

from collections.abc import Mapping

from builder.errors import InputError
from builder.site.errors import RefusedError
from builder.site.nodes import fold
from builder.site.records import Record
from builder.site.state import Serving

Records = Mapping[str, Mapping[str, Record]]
"""The records of unpacked releases by name and version, the one that was unpacked last first."""


def versions_of(records: Records, name: str) -> Mapping[str, Record]:
    """The records of a recipe's releases, by version.

    :raises InputError: no release of the recipe is unpacked.
    """
    if name not in records:
        others = ", ".join(sorted(records)) or "nothing"
        raise InputError(
            f"no release of {name} is unpacked on this server",
            resolution=f"Unpacked is {others}.  Unpack a release first:\n  nfsroot-site unpack {name}@CHANNEL",
        )
    return records[name]


def find_release(records: Records, name: str, version: str) -> Record:
    """The record of a release.

    :raises InputError: the release is not unpacked.
    """
    versions = versions_of(records, name)
    if version not in versions:
        raise InputError(
            f"{name} {version} is not unpacked on this server",
            resolution=f"Unpacked are {', '.join(versions)}.  Unpack it first:\n  nfsroot-site unpack {name}@{version}",
        )
    return versions[version]


def node_names(record: Record) -> tuple[str, ...]:
    """The names of the nodes of a release's cluster."""
    return tuple(node.name for node in record.settings.nodes)


def nodes_of(records: Records, name: str, serving: Serving) -> tuple[str, ...]:
    """The nodes that have a menu now: those of the version that all nodes boot."""
    record = records.get(name, {}).get(serving.version)
    return node_names(record) if record else ()


def require_own_trees(record: Record, nodes: tuple[str, ...]) -> None:
    """Refuse to let some nodes alone boot another version where all nodes write to one tree.

    :raises RefusedError: the nodes of the release share their root.
    """
    if record.settings.root.access == "rw":
        raise RefusedError(
            f"{fold(nodes)} cannot boot another version than the other nodes of {record.name}: "
            "all of them write to one root, that of the version that they boot",
            resolution="Leave --nodes out.  With --confirm, all nodes go back unless all report.",
        )
