"""The resolving of a cluster as the user writes it: ranges are expanded, addresses and names are checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from builder.errors import Problem
from builder.recipe.document import Document
from builder.recipe.input_models import ClusterInput
from builder.recipe.messages import Word, quote_some
from builder.recipe.models import Cluster, Node, Server
from builder.recipe.names import name_fault
from builder.recipe.nodes import NodeWords, group_by_place, read_words
from builder.recipe.patterns import CLUSTER_NAME
from builder.recipe.place import Place
from builder.recipe.positions import KeyPath
from builder.recipe.validation import format_path, validate

_REQUIRED: dict[KeyPath, str] = {
    ("domain",): 'domain = "cluster.home"',
    ("subnet",): 'subnet = "192.168.0.0/24"',
    ("server", "name"): 'name = "nfsserver" in the table server',
    ("server", "address"): 'address = "192.168.0.1" in the table server',
    ("nodes",): "[[nodes]] with names, addresses and macs",
}


class _ClusterWords(NamedTuple):
    """A cluster as written, with its columns of nodes, for the rules below."""

    document: Document
    written: ClusterInput
    columns: tuple[NodeWords, ...]

    def words(self, column: str) -> list[Word]:
        return [word for nodes in self.columns for word in getattr(nodes, column)]

    def single(self, path: KeyPath, value: object) -> list[Word]:
        return [Word(str(value), self.document.at(path))] if value else []


def resolve(document: Document, default_name: str) -> tuple[Cluster | None, list[Problem]]:
    """The cluster that `document` describes, and the mistakes in it; `default_name` is its name if it gives none.

    Both are empty when the document lacks only values that were dropped, since these mistakes are reported already.
    """
    written, document, problems = validate(document, ClusterInput)
    if not (written.name or document.has_dropped(("name",)) or CLUSTER_NAME.matches(default_name)):
        what = f"'{default_name}' is no cluster's name"
        problems.append(document.problem((), what, f'write name = "..." with {CLUSTER_NAME.words}'))
    columns = []
    for index, nodes in enumerate(written.nodes):
        words, mistakes = read_words(document, index, nodes)
        columns.append(words)
        problems += mistakes
    given = _ClusterWords(document, written, tuple(columns))
    for rule in (_required, _server_name, _subnet, _addresses, _repeats, _long_names):
        problems += rule(given)
    return (None, problems) if problems else (_cluster(given, default_name), [])


def _required(given: _ClusterWords) -> Iterator[Problem]:
    for path, example in _REQUIRED.items():
        value: object = given.written
        for key in path:
            value = getattr(value, str(key))
        if not value and not given.document.has_dropped(path):
            yield given.document.problem(path, f"the cluster lacks {format_path(path)}", f"write {example}")


def _server_name(given: _ClusterWords) -> Iterator[Problem]:
    name = given.written.server.name
    if name and (fault := name_fault(name)):
        fix = f"{fault.fix}, without the domain" if "." in name else fault.fix
        yield given.document.problem(("server", "name"), f"'{name}': {fault.what}", fix)


def _subnet(given: _ClusterWords) -> Iterator[Problem]:
    subnet = given.written.subnet
    if subnet and subnet.prefixlen > 30:
        yield given.document.problem(
            ("subnet",), f"subnet {subnet} has no room for nodes", "write its length, such as 192.168.0.0/24"
        )


def _addresses(given: _ClusterWords) -> Iterator[Problem]:
    """Yield a problem for each address that a host of the subnet cannot have.

    With a gateway, the server may be outside the subnet: a relay passes the nodes' DHCP requests on.
    """
    written, subnet = given.written, given.written.subnet
    if subnet is None or subnet.prefixlen > 30:
        return
    broadcast = given.single(("broadcast",), written.broadcast)
    hosts = [
        *given.single(("server", "address"), written.server.address),
        *given.single(("gateway",), written.gateway),
        *given.words("addresses"),
    ]
    addresses = {word.text: IPv4Address(word.text) for word in (*broadcast, *hosts)}
    distant = {written.server.address} if written.gateway else set()
    strays = [w for w in (*broadcast, *hosts) if addresses[w.text] not in subnet and addresses[w.text] not in distant]
    yield from _outside(strays, subnet)
    taken = {
        subnet.network_address: f"the network address of {subnet}",
        subnet.broadcast_address: f"the broadcast address of {subnet}",
    }
    if written.broadcast:
        taken[written.broadcast] = "the cluster's broadcast address"
    for word in hosts:
        meaning = taken.get(addresses[word.text])
        if meaning:
            yield Problem(*word.place, f"{word.text} is {meaning}", "give another address of the subnet")


def _outside(strays: Iterable[Word], subnet: IPv4Network) -> Iterator[Problem]:
    for place, texts in group_by_place(strays).items():
        verb = "is" if len(texts) == 1 else "are"
        yield Problem(*place, f"{quote_some(texts)} {verb} outside the subnet {subnet}", f"give addresses of {subnet}")


def _repeats(given: _ClusterWords) -> Iterator[Problem]:
    """Yield a problem for each name, address or MAC address that two machines have; the gateway may be the server."""
    server, gateway = given.written.server, given.written.gateway
    servers = given.single(("server", "address"), server.address)
    routers = given.single(("gateway",), gateway) if gateway != server.address else []
    yield from _repeated("name", [*given.single(("server", "name"), server.name), *given.words("names")])
    yield from _repeated("address", [*servers, *routers, *given.words("addresses")])
    yield from _repeated("MAC address", given.words("macs"))


def _repeated(kind: str, words: list[Word]) -> Iterator[Problem]:
    first: dict[str, Word] = {}
    clashes: dict[tuple[Place, Place], list[str]] = {}
    for word in words:
        earlier = first.setdefault(word.text.lower(), word)
        if earlier is not word:
            clashes.setdefault((word.place, earlier.place), []).append(word.text)
    for (place, earlier_place), texts in clashes.items():
        what = f"{kind} {quote_some(texts)} is given already at {earlier_place}"
        yield Problem(*place, what, f"every machine needs its own {kind}")


def _long_names(given: _ClusterWords) -> Iterator[Problem]:
    """Yield a problem when names with the domain could exceed 253 characters (RFC 1035 section 2.3.4)."""
    domain = given.written.domain or ""
    if len(domain) > 253 - 64:
        yield given.document.problem(("domain",), f"the domain has {len(domain)} characters", "write at most 189")


def _cluster(given: _ClusterWords, default_name: str) -> Cluster | None:
    """The cluster without mistakes; None when it lacks a value that was dropped for a mistake reported already."""
    written = given.written
    subnet, server = written.subnet, written.server
    if not (written.domain and subnet and server.name and server.address):
        return None
    nics = [nodes.nic for nodes, words in zip(written.nodes, given.columns, strict=True) for _ in words.names]
    rows = zip(given.words("names"), given.words("addresses"), given.words("macs"), nics, strict=True)
    return Cluster(
        name=written.name or default_name,
        domain=written.domain,
        subnet=subnet,
        gateway=written.gateway,
        broadcast=written.broadcast or subnet.broadcast_address,
        dns=written.dns,
        ntp=written.ntp,
        server=Server.model_validate(dict(server)),
        nodes=tuple(
            Node(
                name=name.text,
                address=IPv4Address(address.text),
                mac=mac.text,
                ordinal=ordinal,
                nic=nic,
            )
            for ordinal, (name, address, mac, nic) in enumerate(rows, start=1)
        ),
        nic_places=_nic_places(given),
    )


def _nic_places(given: _ClusterWords) -> dict[str, Place]:
    places: dict[str, Place] = {}
    for index, nodes in enumerate(given.written.nodes):
        if nodes.nic:
            places.setdefault(nodes.nic, given.document.at(("nodes", index, "nic")))
    return places
