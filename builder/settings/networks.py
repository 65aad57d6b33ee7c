"""The networks of several releases' clusters, each once, with the releases whose nodes are in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from builder.settings.dhcp import Dhcp
from builder.settings.release import ReleaseSettings


@dataclass(frozen=True)
class Network:
    """One subnet, and the releases whose nodes are in it.

    Settings of the subnet (router, domain, DNS and NTP servers ...) are the same in all of these releases, and `dhcp`
    has those of the first one; root path, boot loaders and nodes are each release's own.  `number` counts from 1.
    """

    number: int
    releases: tuple[ReleaseSettings, ...]

    @property
    def dhcp(self) -> Dhcp:
        """The settings of the subnet, as the first release has them."""
        return self.releases[0].dhcp

    @property
    def title(self) -> str:
        """The network's cluster and recipes, in words."""
        return f"{', '.join(dict.fromkeys(each.cluster for each in self.releases))}, {recipes(self.releases)}"


def networks(releases: Sequence[ReleaseSettings]) -> tuple[Network, ...]:
    """The networks of the releases' clusters in the order of their addresses."""
    subnets = sorted({release.dhcp.subnet for release in releases})
    return tuple(
        Network(number, tuple(release for release in releases if release.dhcp.subnet == subnet))
        for number, subnet in enumerate(subnets, 1)
    )


def distant_servers(releases: Sequence[ReleaseSettings]) -> tuple[IPv4Address, ...]:
    """The server's addresses that are in no cluster's subnet: questions of nodes arrive there by way of relays."""
    addresses = sorted({release.dhcp.server for release in releases})
    return tuple(each for each in addresses if not any(each in release.dhcp.subnet for release in releases))


def recipes(releases: Sequence[ReleaseSettings]) -> str:
    """The names of the releases' recipes, in words."""
    names = [release.name for release in releases]
    return f"recipe{'s' if len(names) > 1 else ''} {', '.join(names)}"
