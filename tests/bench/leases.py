"""A boot storm for the bundle's DHCP servers, by perfdhcp(8) of Kea: every node of a cluster asks at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.cache import Cache
from builder.lab.rack.network import FREE_PORT, find_free_address
from builder.lab.rack.rack import Rack, run_rack
from builder.lab.released.release import Release
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.recipe.models import Cluster

_SECONDS = re.compile(r"It took (\d+):(\d+):(\d+(?:\.\d+)?) to provision (\d+) clients")


ELSEWHERE = """\
port=$1 address=$2; shift 2
unshare --net sleep 120 & there=$!
trap 'kill $there' EXIT
until [ "$(readlink /proc/$there/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set "$port" netns $there
enter="nsenter --net=/proc/$there/ns/net"
$enter ip address add "$address" dev "$port"
$enter ip link set "$port" arp on up
$enter "$@"
"""


class PerfdhcpFailed(Exception):
    """perfdhcp did not get a lease for every node."""


@dataclass(frozen=True)
class Leases:
    """Seconds until every one of the clients has a lease, and the server's processor seconds for one client."""

    server: DhcpServer
    clients: int
    seconds: float
    processor: float


def leases(release: Release, server: DhcpServer, room: Path, cache: Cache) -> Leases:
    """Have every node of the release's cluster ask this server of its bundle at once, which asks again as nodes do.

    :raises PerfdhcpFailed: some got no lease.
    """
    tftp = TftpServer.DNSMASQ if server is DhcpServer.DNSMASQ else TftpServer.TFTPD_HPA
    chosen = {"dhcp": server, "tftp": tftp, "nfs": NfsServer.GANESHA}
    serving = release.recipe.cluster.server.model_copy(update=chosen)
    room.mkdir()
    with run_rack(release, serving, ServerKind.NAMESPACE, room, cache) as running:
        before = _processor(running)
        nodes = release.recipe.cluster.nodes
        (room / "macs").write_text("".join(f"{node.mac}\n" for node in nodes))
        answer = running.run_on_network(command(release.recipe.cluster, room / "macs"))
        found = _SECONDS.search(answer.text)
        if not found:
            raise PerfdhcpFailed(answer.text)
        hours, minutes, seconds, clients = found.groups()
        used = _processor(running) - before
    took = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    return Leases(server, int(clients), took, used / int(clients))


def command(cluster: Cluster, macs: Path) -> Sequence[str]:
    """perfdhcp for every node of a cluster at once, with the MAC addresses of a file.

    It answers at the port that the server has, as a relay does, and so gets the bridge's free port into a network
    namespace of its own.
    """
    address = f"{find_free_address(cluster)}/{cluster.subnet.prefixlen}"
    argv = ["perfdhcp", "-4", "--scenario", "avalanche", "-R", str(len(cluster.nodes)), "-M", str(macs)]
    return ["sh", "-euc", ELSEWHERE, "sh", FREE_PORT, address, *argv, "-l", FREE_PORT, str(cluster.server.address)]


def _processor(running: Rack) -> float:
    """What the DHCP server has used."""
    used = running.server_machine.processor_seconds()
    return sum(seconds for daemon, seconds in used.items() if "dhcp" in daemon.roles)
