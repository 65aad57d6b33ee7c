"""Settings of dnsmasq, which may serve DHCP, TFTP or both."""

from __future__ import annotations

from collections.abc import Sequence

from builder.settings.dhcp import MENU_OPTION
from builder.settings.headers import settings_header
from builder.settings.networks import networks
from builder.settings.release import ReleaseSettings
from builder.settings.sizes import sizes_for
from builder.templates import fill

TEMPLATES = "builder.settings"


def main_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of nfsroot.conf, with the interfaces and addresses at which dnsmasq serves."""
    return fill(
        TEMPLATES,
        "dnsmasq.conf",
        settings_header=settings_header(releases),
        interfaces=sorted({release.dhcp.interface for release in releases} - {""}),
        addresses=sorted({release.dhcp.server for release in releases if not release.dhcp.interface}),
    )


def dhcp_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of nfsroot-dhcp.conf; with several releases, tags keep the options of each to its nodes."""
    return fill(
        TEMPLATES,
        "dnsmasq-dhcp.conf" if len(releases) == 1 else "dnsmasq-dhcp-tagged.conf",
        settings_header=settings_header(releases),
        menu_option=MENU_OPTION,
        dhcp=releases[0].dhcp,
        networks=networks(releases),
        sizes=sizes_for(releases),
    )


def tftp_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of nfsroot-tftp.conf."""
    return fill(TEMPLATES, "dnsmasq-tftp.conf", settings_header=settings_header(releases), sizes=sizes_for(releases))
