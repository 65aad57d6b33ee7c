"""Configuration of nfs-ganesha that serves what exports(5) says (ganesha-config(8), ganesha-export-config(8)).

The lab uses it because a network namespace shares its machine's kernel, which may have no nfsd.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from builder.lab.exports import Export, Squash

SQUASH = {Squash.ROOT: "Root_Squash", Squash.NONE: "No_Root_Squash", Squash.ALL: "All_Squash"}

CORE = """\
NFS_CORE_PARAM {
    Protocols = 3, 4;
    mount_path_pseudo = true;
    Enable_NLM = false;
    Enable_RQUOTA = false;
    NFSACL_Program = 0x20000000;
}
NFSV4 {
    Graceless = true;
}
"""
"""Nodes mount with `nolock`, so that there is no lock manager; a server that just started has no client to
wait for, so that there is no grace period.  NFSACL is moved to a number of no known protocol (RFC 5531, 8.1), where
nodes do not look for it: ganesha 4.3 answers each SETACL with an error that they see as EIO."""

EXPORT = """\
EXPORT {{
    Export_Id = {number};
    Path = "{path}";
    Pseudo = "{path}";
    Access_Type = None;
    SecType = sys;
    Transports = UDP, TCP;
{clients}    FSAL {{ Name = VFS; }}
}}
"""

CLIENT = """\
    CLIENT {{ Clients = {client}; Access_Type = {access}; Squash = {squash}; }}
"""


def configuration(exports: Iterable[Export]) -> str:
    """The configuration file: one EXPORT block per directory, whose clients alone have access to it."""
    ordered = sorted(exports, key=lambda export: export.path)
    blocks = (
        EXPORT.format(number=number, path=path, clients="".join(map(_client, clients)))
        for number, (path, clients) in enumerate(groupby(ordered, key=lambda export: export.path), start=1)
    )
    return CORE + "".join(blocks)


def _client(export: Export) -> str:
    access = "RW" if export.read_write else "RO"
    return CLIENT.format(client=export.client, access=access, squash=SQUASH[export.squash])
