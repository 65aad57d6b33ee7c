"""The rack's network: a bridge in its machine that carries the cluster's own addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface

from builder.lab.machine.namespace import Namespace
from builder.recipe.models import Cluster

FREE_PORT = "switch1"
"""The interface behind the bridge's port to which no node is connected."""


def create_bridge(
    machine: Namespace, bridge: str, taps: Iterable[str], free_port: tuple[str, str] = ("switch0", FREE_PORT)
) -> None:
    """Make the bridge, a port for each tap device of a virtual machine, and a free port.

    The free port gives the bridge a carrier before a node is on, as a switch does: Kea opens no socket at an interface
    without a carrier.  The port's other end, the second name of `free_port`, answers no ARP: nodes would take it for
    the server.
    """
    port, other_end = free_port
    commands = [f"link add {bridge} type bridge forward_delay 0", f"link set {bridge} up"]
    commands += [f"link add {port} type veth peer name {other_end}", f"link set {port} master {bridge} up"]
    commands.append(f"link set {other_end} arp off up")
    for tap in taps:
        commands += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
    _run_ip(machine, commands)


def add_server_address(machine: Namespace, cluster: Cluster, bridge: str) -> None:
    """Give the machine itself the server's address at the bridge."""
    address = IPv4Interface((cluster.server.address, cluster.subnet.prefixlen))
    _run_ip(machine, [f"address add {address} broadcast {cluster.broadcast} dev {bridge}"])


def add_free_address(machine: Namespace, cluster: Cluster, bridge: str) -> None:
    """Give the machine a free address at the bridge, if there is one, from which the lab can log in on nodes."""
    address = find_free_address(cluster)
    if address is not None:
        _run_ip(machine, [f"address add {IPv4Interface((address, cluster.subnet.prefixlen))} dev {bridge}"])


def find_free_address(cluster: Cluster) -> IPv4Address | None:
    """The last address of the cluster's network that the cluster file does not use; None when there is none."""
    subnet = cluster.subnet
    taken = {cluster.server.address, cluster.gateway, *cluster.dns, *(node.address for node in cluster.nodes)}
    every = (subnet.broadcast_address - back for back in range(1, subnet.num_addresses - 1))
    return next((address for address in every if address not in taken), None)


def _run_ip(machine: Namespace, commands: Iterable[str]) -> None:
    for command in commands:
        machine.run(("ip", *command.split()))
