"""Directories that an NFS server exports, as the settings of the kernel's server and of nfs-ganesha name them."""

from __future__ import annotations

import uuid
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from builder.settings import reports

GANESHA_IDS = range(1, 1 << 16)
"""The range of Export_Ids; 0 is that of the pseudo root (ganesha-export-config(8))."""


class Export(NamedTuple):
    """One directory that the NFS server exports to `clients`: the cluster's network, or a node's address.

    `fsid` makes handles of the exports differ although they share a file system, which need not have a UUID of
    its own.  With `all_squash` everybody on a client is nobody on the server, root included.
    """

    path: str
    clients: str
    read_write: bool
    fsid: uuid.UUID
    all_squash: bool = False

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the export in the syntax of exports(5).

        A write is answered when it is on the server's disk (sync): data that a node has fsynced outlive a crash of the
        server.  For an export to which nobody writes, it does not matter.
        """
        access, commit = ("rw", "sync") if self.read_write else ("ro", "async")
        squash = (
            ("all_squash", f"anonuid={reports.NFS_OWNER}", f"anongid={reports.NFS_OWNER}")
            if self.all_squash
            else ("no_root_squash",)
        )
        return (access, commit, *squash, "no_subtree_check", f"fsid={self.fsid}")

    @property
    def ganesha_squash(self) -> str:
        """The users that clients are on the server, in the syntax of ganesha-export-config(8)."""
        if not self.all_squash:
            return "Squash = No_Root_Squash;"
        return f"Squash = All_Squash; Anonymous_Uid = {reports.NFS_OWNER}; Anonymous_Gid = {reports.NFS_OWNER};"


def reports_export(clients: str) -> Export:
    """The export of the directory in which nodes leave their reports, to the cluster's network.

    Its fsid is that of the directory: a server that serves several clusters exports one directory to all of them.
    """
    path = reports.OVER_NFS
    return Export(path, clients, True, uuid.uuid5(uuid.NAMESPACE_URL, f"nfs://{path}"), all_squash=True)


def ganesha_ids(exports: tuple[Export, ...], taken: AbstractSet[int] = frozenset()) -> dict[str, int]:
    """The Export_Id of each exported path, derived from its fsid, so that releases seldom share one.

    No Export_Id is given twice, and none of those in `taken`, which exports of others have.
    """
    ids: dict[str, int] = {}
    used = set(taken)
    for export in exports:
        if export.path in ids:
            continue
        number = export.fsid.int % len(GANESHA_IDS)
        while GANESHA_IDS[number] in used:
            number = (number + 1) % len(GANESHA_IDS)
        ids[export.path] = GANESHA_IDS[number]
        used.add(GANESHA_IDS[number])
    return ids
