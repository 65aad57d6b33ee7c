"""What nodes are called by the three DHCP servers, which have words of their own."""

from __future__ import annotations

import random
import string
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from dhcp_client import ask
from layouts import layout_of

from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.rack import network
from builder.lab.server.namespace_server import SCRIPTS
from builder.recipe.load import load
from builder.recipe.models import Node, Recipe
from builder.recipe.names import name_fault
from builder.recipe.search import SearchPath
from builder.server import bundle

pytestmark = pytest.mark.server

PROJECT = Path(__file__).parents[3]
SEED = 20261128
# fmt: off
WORDS = (
    "ignore", "infinite", "12h", "7d", "1w", "45m", "30s", "12H", "7D", "1W", "45M", "30S", "2h-1", "h", "s",
    "net", "id", "set", "tag", "host", "group", "subnet", "subnet6", "hardware", "ethernet", "fixed-address",
    "filename", "option", "if", "else", "elsif", "exists", "known", "unknown-clients", "deny", "allow", "class",
    "pool", "range", "include", "lease", "hostname", "next-server", "null", "true", "false", "on", "off", "not",
    "and", "or", "concat", "log", "max", "min", "default-lease-time", "static", "dynamic-bootp", "12ab", "1e5",
    "deadbeef", "0a", "1-2", "00-11", "n101", "1st", "x86", "3com", "0b1", "a--b", "set-1",
)
# fmt: on
"""Words with a meaning in dnsmasq's dhcp-host, in dhcpd.conf and in JSON, and names that look like numbers."""

LONGEST = 63


def drawn(number: int) -> list[str]:
    """So many names of the form of RFC 1123, many of them short, drawn by the seed."""
    draw, letters = random.Random(SEED), string.ascii_letters + string.digits
    names = []
    for _ in range(number):
        length = draw.choice((1, 2, 3, 4, 5, 12, LONGEST))
        inner = "".join(draw.choice(letters + "-") for _ in range(length - 2))
        names.append(draw.choice(letters) + (inner + draw.choice(letters) if length > 1 else ""))
    return names


NAMES = [name for name in dict.fromkeys((*WORDS, *drawn(100))) if name_fault(name) is None]


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """A recipe whose nodes have these names."""
    found = load("debian-nfsroot", SearchPath.default(PROJECT))
    nodes = tuple(
        Node(name=name, address=IPv4Address("192.168.0.2") + n, mac=f"52:54:00:00:02:{n:02x}", ordinal=n + 1)
        for n, name in enumerate(NAMES)
    )
    return found.model_copy(update={"cluster": found.cluster.model_copy(update={"nodes": nodes})})


@contextmanager
def serving(recipe: Recipe, service: str, directory: Path) -> Iterator[Namespace]:
    """A machine with the server's address where `service` serves by the settings of the recipe's bundle."""
    for file in bundle.settings(layout_of(recipe)):
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
    with create_namespace("nfsserver", {"/bundle": directory}, ["/var"]) as inside:
        inside.run(["mkdir", "-p", "/var/lib/dhcp", "/srv/tftp"])
        inside.run(["cp", "-a", "/bundle/etc/.", "/etc/"])
        for command in ("link add cluster0 type veth peer name eth0", "link set cluster0 up", "link set eth0 up"):
            inside.run(["ip", *command.split()])
        network.add_server_address(inside, recipe.cluster, "cluster0")
        # Client and server are one machine, and either would drop what comes from an address of its own.
        inside.run(["sh", "-euc", "echo 1 >/proc/sys/net/ipv4/conf/all/accept_local"])
        inside.start(["sh", "-euc", SCRIPTS[service]], directory / "log")
        yield inside


@pytest.mark.parametrize("service", ["isc-dhcp-server", "kea-dhcp4-server", "dnsmasq"])
def test_every_name_is_told(recipe: Recipe, service: str, tmp_path: Path) -> None:
    """Each node gets its own address and its name, whatever the name means elsewhere in the server's settings."""
    with serving(recipe, service, tmp_path) as inside:
        assert offered(inside, recipe.cluster.nodes[-1]), (tmp_path / "log").read_text()
        told = {node.name: offered(inside, node) for node in recipe.cluster.nodes}
    should = {node.name: (str(node.address), node.name) for node in recipe.cluster.nodes}
    assert {name: said for name, said in told.items() if said != should[name]} == {}


def offered(inside: Namespace, node: Node) -> tuple[str, str] | None:
    """The address and the host name that a node is offered."""
    offer = inside.in_network(lambda: ask(bytes.fromhex(node.mac.replace(":", "")), 0, 30.0))
    if offer is None:
        return None
    options = offer["options"]
    assert isinstance(options, dict)
    return str(offer["address"]), bytes.fromhex(options.get(12, "")).decode()
