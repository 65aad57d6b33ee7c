"""The programs that may serve a cluster, of which a recipe chooses one for each role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

HTTP_SERVER = "nginx"
"""The only program that may serve HTTP."""

LOG_SERVER = "rsyslog"
"""The only program that may receive what nodes log."""

RSYSLOG_CONF = "etc/rsyslog.d/nfsroot.conf"
LOG_NODES = "etc/rsyslog.d/nfsroot-nodes.json"
LOGROTATE_CONF = "etc/logrotate.d/nfsroot"


class Program(NamedTuple):
    """One of the programs that may serve in a role: dhcp, tftp, http, nfs or logs.

    `name` is the program's name in recipes, `service` that of its systemd unit and its script of /etc/init.d, `package`
    that of its Debian package.  `socket` is the socket on which it listens: protocol, port, and the name that ss(8)
    shows for its process, which is empty when the kernel itself listens.  `settings` are the files of the server bundle
    that it reads.
    """

    role: str
    name: str
    service: str
    package: str
    socket: str
    settings: tuple[str, ...]


NFS_CONF = "etc/nfs.conf.d/nfsroot.conf"
"""The file with the number of threads of the kernel's NFS server, where Debian's number is too small."""


def programs(
    release: str, *, http: bool, nfs: bool, logs: bool, sized: bool = False, beside: Sequence[str] = ()
) -> tuple[Program, ...]:
    """Every program that a server bundle has settings for; for HTTP, NFS and logs where the release needs them.

    `release` is the NAME-VERSION of the release; `sized` says that the number of nodes asks for more than Debian's
    defaults; `beside` names the files of exports beside the release's own.
    """
    return (
        *_dhcp_servers(),
        *_tftp_servers(),
        *((_nginx(),) if http else ()),
        *(_nfs_servers([release, *beside], sized=sized) if nfs else ()),
        *((_rsyslog(),) if logs else ()),
    )


def every_program() -> tuple[Program, ...]:
    """Every program that may serve, in any role, with the settings that are there for any number of nodes."""
    return programs("", http=True, nfs=True, logs=True, sized=True)


def unit_settings(service: str) -> str:
    """The file of the server bundle that adds settings to Debian's unit of a service (systemd.unit(5), "drop-in")."""
    return f"etc/systemd/system/{_UNITS.get(service, service)}.service.d/nfsroot.conf"


_UNITS = {"nfs-kernel-server": "nfs-server"}
"""The units whose names differ from those of Debian's services, which are aliases of them."""


def _dhcp_servers() -> tuple[Program, ...]:
    dhcpd, kea = "isc-dhcp-server", "kea-dhcp4-server"
    return (
        _program("dhcp", "isc", dhcpd, dhcpd, "udp/67/dhcpd", "etc/dhcp/dhcpd.conf", f"etc/default/{dhcpd}"),
        _program("dhcp", "kea", kea, kea, "udp/67/kea-dhcp4", "etc/kea/kea-dhcp4.conf"),
        _dnsmasq("dhcp", "dnsmasq", 67),
    )


def _tftp_servers() -> tuple[Program, ...]:
    hpa = "tftpd-hpa"
    return (
        _program("tftp", "tftpd-hpa", hpa, hpa, "udp/69/in.tftpd", f"etc/default/{hpa}"),
        _dnsmasq("tftp", "dnsmasq", 69),
    )


def _dnsmasq(role: str, name: str, port: int) -> Program:
    settings = (f"etc/dnsmasq.d/nfsroot{part}.conf" for part in ("", f"-{role}"))
    return _program(role, name, "dnsmasq", "dnsmasq", f"udp/{port}/dnsmasq", *settings)


def _nginx() -> Program:
    return _program("http", HTTP_SERVER, "nginx", "nginx", "tcp/80/nginx", "etc/nginx/conf.d/nfsroot.conf")


def _nfs_servers(exported: list[str], *, sized: bool) -> tuple[Program, ...]:
    exports = (*(f"etc/exports.d/{name}.exports" for name in exported), *((NFS_CONF,) if sized else ()))
    kernel = "nfs-kernel-server"
    ganesha = ("etc/ganesha/ganesha.conf", *(f"etc/ganesha/exports.d/{name}.conf" for name in exported))
    return (
        _program("nfs", "kernel", kernel, kernel, "tcp/2049/", *exports),
        _program("nfs", "ganesha", "nfs-ganesha", "nfs-ganesha-vfs", "tcp/2049/ganesha.nfsd", *ganesha),
    )


def _rsyslog() -> Program:
    settings = (RSYSLOG_CONF, LOG_NODES, LOGROTATE_CONF)
    return _program("logs", LOG_SERVER, "rsyslog", "rsyslog", "tcp/514/rsyslogd", *settings)


def _program(role: str, name: str, service: str, package: str, socket: str, *settings: str) -> Program:
    return Program(role, name, service, package, socket, (*settings, unit_settings(service)))
