"""Addresses on the rack's network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from builder.lab.rack.network import find_free_address
from builder.recipe.models import Recipe


def test_free_address_is_nobodys(kerrighed: Recipe) -> None:
    """It is the last of the network that neither server, router, name server nor node has."""
    cluster = kerrighed.cluster.model_copy(
        update={"gateway": IPv4Address("192.168.0.254"), "dns": (IPv4Address("192.168.0.253"),)}
    )
    assert find_free_address(cluster) == IPv4Address("192.168.0.252")


def test_full_network_has_no_free_address(kerrighed: Recipe) -> None:
    """A network of the server and one node has none left."""
    node = kerrighed.cluster.nodes[0].model_copy(update={"address": IPv4Address("192.168.0.2")})
    update = {"subnet": IPv4Network("192.168.0.0/30"), "nodes": (node,), "gateway": None, "dns": ()}
    assert find_free_address(kerrighed.cluster.model_copy(update=update)) is None
