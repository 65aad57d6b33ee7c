"""The rack's network: a bridge in the rack's namespace, with the cluster's own addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface

from builder.lab.machine.namespace import Namespace
from builder.recipe.models import Cluster

FREE_PORT = "switch1"
"""The interface at the other end of the bridge's free port."""


def create_bridge(
    namespace: Namespace, bridge: str, taps: Iterable[str], free_port: tuple[str, str] = ("switch0", FREE_PORT)
) -> None:
    """Create the bridge, a port for each tap device of a virtual machine, and a free port.

    The free port gives the bridge a carrier before a node is on, as a switch has: Kea opens no socket on an interface
    without a carrier.  `free_port` has the names of the port and of the interface at its other end.  That interface
    answers no ARP, so that nodes do not take it for the server.
    """
    port, other_end = free_port
    commands = [f"link add {bridge} type bridge forward_delay 0", f"link set {bridge} up"]
    commands += [f"link add {port} type veth peer name {other_end}", f"link set {port} master {bridge} up"]
    commands.append(f"link set {other_end} arp off up")
    for tap in taps:
        commands += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
    _run_ip(namespace, commands)


def add_server_address(namespace: Namespace, cluster: Cluster, bridge: str) -> None:
    """Give the bridge the server's address."""
    address = IPv4Interface((cluster.server.address, cluster.subnet.prefixlen))
    _run_ip(namespace, [f"address add {address} broadcast {cluster.broadcast} dev {bridge}"])


def add_free_address(namespace: Namespace, cluster: Cluster, bridge: str) -> None:
    """Give the bridge a free address of the cluster's network, from which the lab logs in on nodes, if there is one."""
    address = find_free_address(cluster)
    if address is not None:
        _run_ip(namespace, [f"address add {IPv4Interface((address, cluster.subnet.prefixlen))} dev {bridge}"])


def find_free_address(cluster: Cluster) -> IPv4Address | None:
    """Find the last address of the cluster's network that the cluster file does not use; None when all are used."""
    subnet = cluster.subnet
    taken = {cluster.server.address, cluster.gateway, *cluster.dns, *(node.address for node in cluster.nodes)}
    every = (subnet.broadcast_address - back for back in range(1, subnet.num_addresses - 1))
    return next((address for address in every if address not in taken), None)


def _run_ip(namespace: Namespace, commands: Iterable[str]) -> None:
    for command in commands:
        namespace.run(("ip", *command.split()))
