"""Settings of ISC dhcpd: dhcpd.conf, and the interfaces that it serves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import IPv4Network

from builder.settings.dhcp import MENU_OPTION
from builder.settings.headers import settings_header
from builder.settings.networks import distant_servers, networks
from builder.settings.release import ReleaseSettings
from builder.templates import fill

TEMPLATES = "builder.settings"


def dhcpd_conf(
    releases: Sequence[ReleaseSettings], *, beside_others: bool = False, declared: Collection[IPv4Network] = ()
) -> str:
    """The text of dhcpd.conf.

    With several releases, or in a file with declarations of others (`beside_others`), options stand in the scope of the
    nodes that need them.  `declared` are subnets that others declare in the file.
    """
    return fill(
        TEMPLATES,
        "dhcpd.conf",
        settings_header=settings_header(releases),
        menu_option=MENU_OPTION,
        is_scoped=beside_others or len(releases) > 1,
        networks=networks(releases),
        distant_servers=[each for each in distant_servers(releases) if not any(each in net for net in declared)],
        declared=frozenset(declared),
    )


def defaults(releases: Sequence[ReleaseSettings]) -> str:
    """The text of /etc/default/isc-dhcp-server, which names the interfaces."""
    interfaces = sorted({release.dhcp.interface for release in releases} - {""})
    addresses = sorted({release.dhcp.server for release in releases if not release.dhcp.interface})
    return fill(
        TEMPLATES,
        "isc-dhcp-server",
        settings_header=settings_header(releases),
        interfaces=interfaces,
        addresses=addresses,
    )
