"""The rack's network: a bridge in its machine that carries the cluster's own addresses."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Interface

from builder.lab.namespace import Namespace
from builder.recipe.models import Cluster

FREE_PORT = "switch1"
"""The interface behind the bridge's port to which no node is connected."""


def connect(machine: Namespace, bridge: str, taps: Iterable[str]) -> None:
    """Make the bridge, and a port for each tap device that a virtual machine takes."""
    commands = [f"link add {bridge} type bridge forward_delay 0", f"link set {bridge} up"]
    for tap in taps:
        commands += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
    _ip(machine, commands)


def become_server(machine: Namespace, cluster: Cluster, bridge: str) -> None:
    """Give the machine itself the server's address at the bridge.

    A port to which no node is connected gives the server a carrier before a node is on, as a switch does: Kea opens no
    socket at an interface that has none.  Its other end answers no ARP, or nodes would take it for the server.
    """
    address = IPv4Interface((cluster.server.address, cluster.subnet.prefixlen))
    commands = [f"address add {address} broadcast {cluster.broadcast} dev {bridge}"]
    commands += [f"link add switch0 type veth peer name {FREE_PORT}", f"link set switch0 master {bridge} up"]
    commands.append(f"link set {FREE_PORT} arp off up")
    _ip(machine, commands)


def _ip(machine: Namespace, commands: Iterable[str]) -> None:
    for command in commands:
        machine.run(("ip", *command.split()))
