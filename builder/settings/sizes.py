"""Limits of a server's kernel and daemons, sized by the number of nodes that ask them at once.

Debian's defaults carry 64 nodes.  Beyond that each limit follows from the next power of two, so that a node added
seldom changes a setting, for which a server would have to be started again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from builder.settings.release import ReleaseSettings

SYSCTL_CONF = "etc/sysctl.d/60-nfsroot.conf"
"""The file of the server bundle with the kernel's limits, where Debian's are too small."""

DEFAULT_NODES = 64
CONNECTIONS_A_NODE = 2
"""NFS connections of a node: one for all its mounts of a server, and one that it leaves behind when it starts anew."""


class Sizes(NamedTuple):
    """The limits in a server's settings, which are enough for `nodes` nodes.

    - `neighbours`: gc_thresh1 to 3 (Linux, Documentation/networking/ip-sysctl.rst): below the first no entry of the
      ARP table is thrown out, beyond the third there is no room for one (1,024 by default).
    - `receive_buffer`: bytes, rmem_default (Linux, Documentation/admin-guide/sysctl/net.rst).  Every node's first
      question of DHCP, and then of TFTP, may wait for one process; each takes up to 2,304 bytes.
    - `nfs_threads`: the kernel's NFS server (nfs.conf(5), 8 by default).  Before Linux 6.13 it closes connections
      beyond 20 * (threads + 3) (net/sunrpc/svc_xprt.c, svc_check_conn_limits).
    - `nfs_connections`: nfs-ganesha's RPC_Max_Connections (ganesha-core-config(8): 1,024 by default, 10,000 at most).
    - `http_connections`: nginx's worker_connections, of each worker (768 in Debian's nginx.conf).
    - `tftp_transfers`: dnsmasq's tftp-max (dnsmasq(8), 50 by default), and processes of in.tftpd (systemd's TasksMax,
      15% of what the kernel allows by default: some 1,200 with 1 GiB of memory).
    - `leases`: dnsmasq's dhcp-lease-max (dnsmasq(8), 1,000 by default).
    - `files`: open files of nginx and dnsmasq (systemd.exec(5), 1,024 by default): a file and a socket for each node.
    """

    nodes: int
    neighbours: tuple[int, int, int]
    receive_buffer: int
    nfs_threads: int
    nfs_connections: int
    http_connections: int
    tftp_transfers: int
    leases: int
    files: int

    @property
    def beyond_defaults(self) -> bool:
        """Whether a server needs more than Debian's defaults."""
        return self.nodes > DEFAULT_NODES


def sizes(nodes: int) -> Sizes:
    """The limits for a number of nodes."""
    room = max(DEFAULT_NODES, 1 << (nodes - 1).bit_length())
    return Sizes(
        nodes=room,
        neighbours=(2 * room, 4 * room, max(1024, 8 * room)),
        receive_buffer=max(212_992, 2304 * room),
        nfs_threads=max(16, room * CONNECTIONS_A_NODE // 16),
        nfs_connections=min(10_000, max(1024, 2 * CONNECTIONS_A_NODE * room)),
        http_connections=max(768, 2 * room),
        tftp_transfers=room + 50,
        leases=max(1000, 2 * room),
        files=max(4096, 4 * room),
    )


def sizes_for(releases: Sequence[ReleaseSettings]) -> Sizes:
    """The limits for the nodes of all these releases together."""
    return sizes(sum(len(release.nodes) for release in releases))
