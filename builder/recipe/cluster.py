"""A cluster as it is written becomes the cluster that is meant: ranges expanded, addresses and names compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.models import Cluster, Node, Server
from builder.recipe.nodes import NodeWords, bad_name, node_words
from builder.recipe.positions import KeyPath, Place
from builder.recipe.shape import dotted, parse
from builder.recipe.words import Word, listed
from builder.recipe.written import WrittenCluster

_REQUIRED: dict[KeyPath, str] = {
    ("domain",): 'domain = "cluster.home"',
    ("subnet",): 'subnet = "192.168.0.0/24"',
    ("server", "name"): 'name = "nfsserver" under the header of the server',
    ("server", "address"): 'address = "192.168.0.1" under the header of the server',
    ("nodes",): "a table of nodes with names, addresses and macs",
}


@dataclass(frozen=True)
class _Parts:
    """A cluster with its columns of nodes, for the rules below."""

    document: Document
    written: WrittenCluster
    columns: tuple[NodeWords, ...]

    def words(self, column: str) -> list[Word]:
        return [word for nodes in self.columns for word in getattr(nodes, column)]

    def single(self, path: KeyPath, value: object) -> list[Word]:
        return [Word(str(value), self.document.at(path))] if value else []


def resolve(document: Document, default_name: str) -> tuple[Cluster | None, list[Problem]]:
    """The cluster that `document` describes, called `default_name` unless it says otherwise; its mistakes."""
    written, document, problems = parse(document, WrittenCluster)
    columns = []
    for index, nodes in enumerate(written.nodes):
        words, mistakes = node_words(document, index, nodes)
        columns.append(words)
        problems += mistakes
    parts = _Parts(document, written, tuple(columns))
    for rule in (_required, _server_name, _subnet, _addresses, _repeats, _long_names):
        problems += rule(parts)
    return (None, problems) if problems else (_cluster(parts, default_name), [])


def _required(parts: _Parts) -> Iterator[Problem]:
    for path, example in _REQUIRED.items():
        value: object = parts.written
        for key in path:
            value = getattr(value, str(key))
        if not value and not parts.document.dropped & {path, path[:1]}:
            yield parts.document.problem(path, f"the cluster's {dotted(path)} is missing", f"write {example}")


def _server_name(parts: _Parts) -> Iterator[Problem]:
    name = parts.written.server.name
    if name and bad_name(name):
        fix = "write letters, digits and inner hyphens, without the domain"
        yield parts.document.problem(("server", "name"), f"'{name}': no host name of RFC 1123", fix)


def _subnet(parts: _Parts) -> Iterator[Problem]:
    subnet = parts.written.subnet
    if subnet and subnet.prefixlen > 30:
        yield parts.document.problem(
            ("subnet",), f"subnet {subnet} has no room for nodes", "write its length, such as 192.168.0.0/24"
        )


def _addresses(parts: _Parts) -> Iterator[Problem]:
    """Every address is one that a host of the subnet may have."""
    written, subnet = parts.written, parts.written.subnet
    if subnet is None or subnet.prefixlen > 30:
        return
    broadcast = parts.single(("broadcast",), written.broadcast)
    yield from _outside(broadcast, subnet)
    hosts = [
        *parts.single(("server", "address"), written.server.address),
        *parts.single(("gateway",), written.gateway),
        *parts.words("addresses"),
    ]
    yield from _outside(hosts, subnet)
    taken = {
        subnet.network_address: f"the network address of {subnet}",
        subnet.broadcast_address: f"the broadcast address of {subnet}",
    }
    if written.broadcast:
        taken[written.broadcast] = "the cluster's broadcast address"
    for word in hosts:
        meaning = taken.get(IPv4Address(word.text))
        if meaning:
            yield Problem(*word.place, f"{word.text} is {meaning}", "give another address of the subnet")


def _outside(words: Iterable[Word], subnet: IPv4Network) -> Iterator[Problem]:
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    strays: dict[Place, list[str]] = {}
    for word in words:
        if not first <= int(IPv4Address(word.text)) <= last:
            strays.setdefault(word.place, []).append(word.text)
    for place, texts in strays.items():
        verb = "is" if len(texts) == 1 else "are"
        yield Problem(*place, f"{listed(texts)} {verb} outside the subnet {subnet}", f"give addresses of {subnet}")


def _repeats(parts: _Parts) -> Iterator[Problem]:
    """No two machines have the same name, address or MAC."""
    server = parts.written.server
    names = [*parts.single(("server", "name"), server.name), *parts.words("names")]
    addresses = [*parts.single(("server", "address"), server.address), *parts.words("addresses")]
    yield from _repeated("name", names)
    yield from _repeated("address", addresses)
    yield from _repeated("MAC address", parts.words("macs"))
    if parts.written.gateway != server.address:
        gateway = parts.single(("gateway",), parts.written.gateway)
        yield from _repeated("address", [*gateway, *parts.words("addresses")], parts.written.gateway)


def _repeated(kind: str, words: list[Word], only: IPv4Address | None = None) -> Iterator[Problem]:
    """The words that stand before in `words`; of `only` this address where one is given."""
    first: dict[str, Word] = {}
    clashes: dict[tuple[Place, Place], list[str]] = {}
    for word in words:
        earlier = first.setdefault(word.text.lower().replace("-" if kind == "MAC address" else " ", ":"), word)
        if earlier is not word and (only is None or word.text == str(only)):
            clashes.setdefault((word.place, earlier.place), []).append(word.text)
    for (place, earlier_place), texts in clashes.items():
        what = f"{kind} {listed(texts)} is given already at {earlier_place}"
        yield Problem(*place, what, f"give every machine a {kind} of its own".replace("a address", "an address"))


def _long_names(parts: _Parts) -> Iterator[Problem]:
    """A name with its domain has at most 253 characters (RFC 1035 section 2.3.4)."""
    domain = parts.written.domain or ""
    if len(domain) > 253 - 64:
        yield parts.document.problem(("domain",), f"the domain has {len(domain)} characters", "write at most 189")


def _cluster(parts: _Parts, default_name: str) -> Cluster:
    """The cluster; nothing is missing and nothing clashes."""
    written = parts.written
    subnet, server = written.subnet, written.server
    assert written.domain and subnet and server.name and server.address, "_required has seen to it"
    rows = zip(parts.words("names"), parts.words("addresses"), parts.words("macs"), strict=True)
    return Cluster(
        name=written.name or default_name,
        domain=written.domain,
        subnet=subnet,
        gateway=written.gateway,
        broadcast=written.broadcast or subnet.broadcast_address,
        dns=written.dns,
        ntp=written.ntp,
        server=Server(name=server.name, address=server.address, interface=server.interface),
        nodes=tuple(
            Node(
                name=name.text,
                address=IPv4Address(address.text),
                mac=mac.text.lower().replace("-", ":"),
                ordinal=ordinal,
            )
            for ordinal, (name, address, mac) in enumerate(rows, start=1)
        ),
    )
