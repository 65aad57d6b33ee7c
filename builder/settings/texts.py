"""The settings of every program that may serve the clusters of some releases, each rendered when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from builder.settings import dnsmasq, isc, kea, nfs, rsyslog, serving
from builder.settings.programs import (
    LOG_NODES,
    LOGROTATE_CONF,
    NFS_CONF,
    RSYSLOG_CONF,
    Program,
    every_program,
    programs,
    unit_settings,
)
from builder.settings.release import ReleaseSettings
from builder.settings.sizes import SYSCTL_CONF, sizes_for

HOSTS = "etc/hosts.nfsroot"
"""The file of a server bundle with the lines for /etc/hosts."""

Render = Callable[[], str]


def renderers(
    releases: Sequence[ReleaseSettings], exporting: Sequence[ReleaseSettings] | None = None
) -> dict[str, Render]:
    """A function that renders each file of settings, by the file's path on the server; exports are in settings.nfs.

    `releases` are those whose clusters are served, `exporting` those whose nodes mount from the NFS server (those of
    `releases` that need it, unless others are given).
    """
    mounted = [each for each in releases if "nfs" in each.programs] if exporting is None else exporting
    return dict([*_clusters(releases), *_nfs(mounted), *_limits([*releases] or mounted)])


def _clusters(releases: Sequence[ReleaseSettings]) -> Iterator[tuple[str, Render]]:
    """Yield the settings of the servers that nodes need until they mount their root, by path."""
    if not releases:
        return
    loaded = [release for release in releases if "http" in release.programs]
    logging = [release for release in releases if "logs" in release.programs]
    yield "etc/dhcp/dhcpd.conf", partial(isc.dhcpd_conf, releases)
    yield "etc/default/isc-dhcp-server", partial(isc.defaults, releases)
    yield "etc/kea/kea-dhcp4.conf", partial(kea.kea_conf, releases)
    yield "etc/dnsmasq.d/nfsroot.conf", partial(dnsmasq.main_conf, releases)
    yield "etc/dnsmasq.d/nfsroot-dhcp.conf", partial(dnsmasq.dhcp_conf, releases)
    yield "etc/dnsmasq.d/nfsroot-tftp.conf", partial(dnsmasq.tftp_conf, releases)
    yield "etc/default/tftpd-hpa", partial(serving.tftpd_hpa, releases)
    yield HOSTS, partial(serving.hosts, releases)
    if loaded:
        yield "etc/nginx/conf.d/nfsroot.conf", partial(serving.nginx_conf, loaded)
    if logging:
        yield RSYSLOG_CONF, partial(rsyslog.rsyslog_conf, logging)
        yield LOG_NODES, partial(rsyslog.nodes_json, logging)
        yield LOGROTATE_CONF, partial(rsyslog.logrotate_conf, logging)
    yield from _units(programs("", http=bool(loaded), nfs=False, logs=bool(logging)), releases)


def _nfs(releases: Sequence[ReleaseSettings]) -> Iterator[tuple[str, Render]]:
    if not releases:
        return
    yield "etc/ganesha/ganesha.conf", partial(nfs.ganesha_conf, releases)
    if sizes_for(releases).beyond_defaults:
        yield NFS_CONF, partial(serving.nfs_conf, releases)
    yield from _units([each for each in every_program() if each.role == "nfs"], releases)


def _limits(releases: Sequence[ReleaseSettings]) -> Iterator[tuple[str, Render]]:
    if releases and sizes_for(releases).beyond_defaults:
        yield SYSCTL_CONF, partial(serving.sysctl_conf, releases)


def _units(running: Sequence[Program], releases: Sequence[ReleaseSettings]) -> Iterator[tuple[str, Render]]:
    for service in dict.fromkeys(program.service for program in running):
        yield unit_settings(service), partial(serving.unit_conf, service, releases)
