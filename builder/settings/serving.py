"""Settings of the servers that nodes load from, of the hosts file, and of limits and units: short texts each."""

from __future__ import annotations

from collections.abc import Sequence

from builder.settings import reports
from builder.settings.headers import settings_header
from builder.settings.release import ReleaseSettings
from builder.settings.sizes import sizes_for
from builder.templates import fill

TEMPLATES = "builder.settings"


def tftpd_hpa(releases: Sequence[ReleaseSettings]) -> str:
    """The text of /etc/default/tftpd-hpa; in.tftpd listens on one address, or on all."""
    return _fill("tftpd-hpa", releases, addresses=_servers(releases))


def hosts(releases: Sequence[ReleaseSettings]) -> str:
    """The lines for /etc/hosts: the server as each cluster knows it, and every node."""
    names = (f"{each.dhcp.server} {each.server_name}.{each.dhcp.domain} {each.server_name}" for each in releases)
    return _fill("hosts.nfsroot", releases, clusters=releases, servers=dict.fromkeys(names))


def nginx_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of nginx's settings: a server at each address, for the networks whose nodes load there."""
    subnets = {
        address: sorted({each.dhcp.subnet for each in releases if each.dhcp.server == address})
        for address in _servers(releases)
    }
    return _fill("nginx.conf", releases, subnets=subnets, reports=reports)


def sysctl_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of the kernel's limits, for all nodes together."""
    return _fill("sysctl.conf", releases)


def nfs_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of the settings of the kernel's NFS server, for all nodes together."""
    return _fill("nfs.conf", releases)


def unit_conf(service: str, releases: Sequence[ReleaseSettings]) -> str:
    """The text of the file that adds settings to Debian's unit of a service."""
    return _fill("unit.conf", releases, service=service)


def _servers(releases: Sequence[ReleaseSettings]) -> list[object]:
    return list(sorted({release.dhcp.server for release in releases}))


def _fill(name: str, releases: Sequence[ReleaseSettings], **values: object) -> str:
    header, sizes = settings_header(releases), sizes_for(releases)
    return fill(TEMPLATES, name, settings_header=header, sizes=sizes, **values)
