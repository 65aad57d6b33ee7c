"""Contradictions between the releases of a site, each with both places named.

Two releases of different recipes or clusters contradict each other when both claim a MAC address, an address, a
node's name or an exported path, or describe one subnet differently.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from builder.settings.dhcp import Reservation
from builder.settings.exports import Export
from builder.settings.release import ReleaseSettings
from builder.site.errors import RefusedError
from builder.site.options import FILE as OPTIONS_FILE

SUBNET_SETTINGS: Mapping[str, Callable[[ReleaseSettings], object]] = {
    "server's address": lambda release: release.dhcp.server,
    "server's interface": lambda release: release.dhcp.interface,
    "broadcast address": lambda release: release.dhcp.broadcast,
    "gateway": lambda release: release.dhcp.router,
    "domain": lambda release: release.dhcp.domain,
    "DNS servers": lambda release: release.dhcp.dns,
    "NTP servers": lambda release: release.dhcp.ntp,
}
"""The settings that all nodes of a subnet share, by their names in messages."""

SHOWN = 20
"""The most conflicts that a message shows."""


def place(release: ReleaseSettings, node: str = "") -> str:
    """A place in words: recipe, cluster and node."""
    return f"recipe {release.name}, cluster {release.cluster}" + (f", node {node}" if node else "")


def find_conflicts(releases: Sequence[ReleaseSettings]) -> list[str]:
    """A sentence for each contradiction between releases whose clusters are served together."""
    return [*_repeated_nodes(releases), *_subnets(releases), *_servers_as_nodes(releases)]


def find_export_conflicts(releases: Sequence[ReleaseSettings]) -> list[str]:
    """A sentence for each path or file system identifier that releases of different recipes export."""
    paths = ((export.path, release.name, place(release)) for release in releases for export in _exports(release))
    numbers = ((export.fsid, release.name, place(release)) for release in releases for export in _exports(release))
    return [
        *(f"{path} is exported by both {first} and {other}" for path, first, other in _clashes(paths)),
        *(f"exports of {first} and {other} have one fsid: {number}" for number, first, other in _clashes(numbers)),
    ]


def refuse_conflicts(served: Sequence[ReleaseSettings], unpacked: Sequence[ReleaseSettings]) -> None:
    """Refuse served releases that contradict each other, and unpacked releases whose exports do.

    :raises RefusedError: there are contradictions.
    """
    found = [*find_conflicts(served), *find_export_conflicts(unpacked)]
    if not found:
        return
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    raise RefusedError(
        "releases on this server contradict each other; nothing was changed",
        details="\n".join(f"  {line}" for line in [*found[:SHOWN], *more]),
        resolution="Change one of the recipes or clusters, and unpack its new release; or take one recipe away:\n"
        "  nfsroot-site remove NAME",
    )


def refuse_programs(asked: Mapping[str, Mapping[str, ReleaseSettings]], chosen: Mapping[str, str]) -> None:
    """Refuse different programs for one role, where the site's own configuration names none.

    `asked` has by role the programs that recipes choose, each with one of these recipes.

    :raises RefusedError: recipes choose different programs.
    """
    for role, claims in asked.items():
        if len(claims) > 1 and role not in chosen:
            first, *_ = claims
            raise RefusedError(
                f"recipes choose different {role} servers, of which one may run on a server; nothing was changed",
                details="\n".join(f"  {name}: {place(release)}" for name, release in claims.items()),
                resolution=f'Choose one for this server in {OPTIONS_FILE}:\n  [server]\n  {role} = "{first}"\n'
                "or in the recipes.",
            )


def _exports(release: ReleaseSettings) -> Iterable[Export]:
    return (*release.exports, *release.state_exports)


def _repeated_nodes(releases: Sequence[ReleaseSettings]) -> Iterator[str]:
    """Yield a sentence for each MAC address, address and name of a node that two recipes have."""
    kinds: dict[str, Callable[[Reservation], str]] = {
        "the MAC address": lambda node: node.mac.lower(),
        "the address": lambda node: str(node.address),
        "the name": lambda node: node.name.lower(),
    }
    for kind, value in kinds.items():
        claims = (
            (value(node), release.name, place(release, node.name)) for release in releases for node in release.nodes
        )
        for claimed, first, other in _clashes(claims):
            yield f"{kind} {claimed} has both {first} and {other}"


def _clashes(claims: Iterable[tuple[Hashable, str, str]]) -> Iterator[tuple[Hashable, str, str]]:
    """Yield each value that two recipes claim, with both places."""
    seen: dict[Hashable, tuple[str, str]] = {}
    for value, recipe, where in claims:
        owner, first = seen.setdefault(value, (recipe, where))
        if owner != recipe:
            yield value, first, where


def _subnets(releases: Sequence[ReleaseSettings]) -> Iterator[str]:
    """Yield a sentence for subnets that overlap, and for settings of one subnet that differ."""
    firsts: dict[object, ReleaseSettings] = {}
    for release in releases:
        first = firsts.setdefault(release.dhcp.subnet, release)
        for kind, value in SUBNET_SETTINGS.items():
            if value(first) != value(release):
                yield (
                    f"the {kind} of {release.dhcp.subnet} is {_words(value(first))} in {place(first)}, "
                    f"and {_words(value(release))} in {place(release)}"
                )
    for one, other in combinations(firsts.values(), 2):
        if one.dhcp.subnet.overlaps(other.dhcp.subnet):
            yield (
                f"the subnets {one.dhcp.subnet} of {place(one)} and {other.dhcp.subnet} of {place(other)} overlap: "
                "DHCP cannot tell their nodes apart"
            )


def _servers_as_nodes(releases: Sequence[ReleaseSettings]) -> Iterator[str]:
    """Yield a sentence for each node with the address that a cluster knows as its server's."""
    servers: dict[object, ReleaseSettings] = {}
    for release in releases:
        servers.setdefault(release.dhcp.server, release)
    for release in releases:
        for node in release.nodes:
            if node.address in servers:
                server = place(servers[node.address])
                yield f"{place(release, node.name)} has the address {node.address}, which is the server's in {server}"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value or "none")
