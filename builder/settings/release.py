"""The settings that a release asks of its server: the file settings.json of the server bundle.

A site that serves several releases and clusters composes the settings of its servers from these files.  A site has no
pydantic, so this module needs Python's standard library alone.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from builder.errors import InputError
from builder.settings.dhcp import Dhcp, Loader, Reservation
from builder.settings.exports import Export

FILE = "settings.json"
"""The file's name at the top of the server bundle."""

SCHEMA = 1
"""The version of the file's schema; a site refuses a newer one."""


class RootPlace(NamedTuple):
    """The files of a release with the nodes' root, and the directories of the root on the server.

    `file` and `overlay` are files of the release; `overlay` is empty where the root tarball ends with the overlay.
    `directory` is the release's own directory on the server.  `place` is the path that nodes mount or fetch: the
    directory itself, or an image in it.  `shared` are paths in the tree whose directories stand below
    `shared_directory`.  Files that outlive releases are below `state` (empty: there are none), in a directory for each
    node where `state_of_nodes`, and in one for all nodes where `state_of_all`.
    """

    kind: str
    access: str
    file: str
    overlay: str
    directory: str
    place: str
    shared: tuple[str, ...]
    shared_directory: str
    state: str
    state_of_nodes: bool
    state_of_all: bool


@dataclass(frozen=True)
class ReleaseSettings:
    """The settings that the release NAME VERSION asks of the server of its cluster.

    `recipe` is the name of the recipe's file, `tool` the version of nfsroot that made the release, `kernel` the version
    of its kernel.  `programs` names the program that the recipe chooses for each role: dhcp, tftp, nfs, http and logs;
    the last three are absent where the release needs none.  `tftp_directory` is the directory of kernel and initramfs,
    a path below the directory that TFTP and HTTP serve.  `nfs_version` is the version of NFS by which nodes mount.
    """

    name: str
    version: str
    recipe: str
    tool: str
    kernel: str
    cluster: str
    server_name: str
    programs: Mapping[str, str]
    nfs_version: int
    tftp_directory: str
    root: RootPlace
    dhcp: Dhcp
    exports: tuple[Export, ...]
    state_exports: tuple[Export, ...]

    @property
    def nodes(self) -> tuple[Reservation, ...]:
        """The nodes of the cluster, each with its name, MAC address and address."""
        return self.dhcp.reservations

    @property
    def reports_over_nfs(self) -> bool:
        """Whether nodes leave their reports over NFS: where an HTTP server serves them, they report to it."""
        return "nfs" in self.programs and "http" not in self.programs

    def text(self) -> str:
        """The content of settings.json, a line for each node and each export."""
        document = {
            "schema_version": SCHEMA,
            **{key: getattr(self, key) for key in _WORDS},
            "programs": dict(self.programs),
            "nfs_version": self.nfs_version,
            "root": {**self.root._asdict(), "shared": list(self.root.shared)},
            "dhcp": _dhcp_table(self.dhcp),
        }
        lists = {
            "loaders": [_loader_table(loader) for loader in self.dhcp.loaders],
            "nodes": [{"name": n.name, "mac": n.mac, "address": str(n.address)} for n in self.nodes],
            "exports": list(map(_export_table, self.exports)),
            "state_exports": list(map(_export_table, self.state_exports)),
        }
        head = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in document.items())
        tail = ",\n".join(f"{json.dumps(key)}: {_lines(rows)}" for key, rows in lists.items())
        return f"{{\n{head}{tail}\n}}\n"


_WORDS = ("name", "version", "recipe", "tool", "kernel", "cluster", "server_name", "tftp_directory")


def parse(text: bytes, where: str) -> ReleaseSettings:
    """The settings in the bytes of a settings.json; `where` says in messages where they come from.

    :raises InputError: the bytes are no settings.json, or are of a newer schema.
    """
    try:
        document = json.loads(text)
        schema = document["schema_version"]
        if schema != SCHEMA:
            raise InputError(
                f"{where} is of schema {schema}; this nfsroot reads schema {SCHEMA}",
                resolution="Install the nfsroot that made the release, or a newer one.",
            )
        return _release(document)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{where} does not hold what a release asks of its server: {error!r}") from error


def _release(document: Mapping[str, Any]) -> ReleaseSettings:
    root = dict(document["root"])
    return ReleaseSettings(
        **{key: str(document[key]) for key in _WORDS},
        programs={str(role): str(name) for role, name in document["programs"].items()},
        nfs_version=int(document["nfs_version"]),
        root=RootPlace(**{**root, "shared": tuple(root["shared"])}),
        dhcp=_dhcp(document),
        exports=tuple(map(_export, document["exports"])),
        state_exports=tuple(map(_export, document["state_exports"])),
    )


def _lines(rows: list[dict[str, Any]]) -> str:
    return "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]" if rows else "[]"


def _dhcp_table(dhcp: Dhcp) -> dict[str, Any]:
    return {
        "server": str(dhcp.server),
        "interface": dhcp.interface,
        "subnet": str(dhcp.subnet),
        "broadcast": str(dhcp.broadcast),
        "router": str(dhcp.router) if dhcp.router else None,
        "domain": dhcp.domain,
        "dns": list(map(str, dhcp.dns)),
        "ntp": list(map(str, dhcp.ntp)),
        "root_path": dhcp.root_path,
    }


def _dhcp(document: Mapping[str, Any]) -> Dhcp:
    table = document["dhcp"]
    return Dhcp(
        server=IPv4Address(table["server"]),
        interface=str(table["interface"]),
        subnet=IPv4Network(table["subnet"]),
        broadcast=IPv4Address(table["broadcast"]),
        router=IPv4Address(table["router"]) if table["router"] else None,
        domain=str(table["domain"]),
        dns=tuple(map(IPv4Address, table["dns"])),
        ntp=tuple(map(IPv4Address, table["ntp"])),
        root_path=str(table["root_path"]),
        loaders=tuple(
            Loader(**{**loader, "architectures": tuple(loader["architectures"])}) for loader in document["loaders"]
        ),
        reservations=tuple(
            Reservation.of_node(str(node["name"]), str(node["mac"]), IPv4Address(node["address"]))
            for node in document["nodes"]
        ),
    )


def _loader_table(loader: Loader) -> dict[str, Any]:
    return {**loader._asdict(), "architectures": list(loader.architectures)}


def _export_table(export: Export) -> dict[str, Any]:
    return {**export._asdict(), "fsid": str(export.fsid)}


def _export(table: Mapping[str, Any]) -> Export:
    return Export(**{**table, "fsid": uuid.UUID(table["fsid"])})
