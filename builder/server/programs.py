"""The programs that may serve a cluster, of which a recipe chooses one for each role."""

from __future__ import annotations

from typing import NamedTuple

from builder.recipe.models import DhcpServer, NfsServer, Recipe, Server, TftpServer

HTTP_SERVER = "nginx"
"""The only program that may serve HTTP."""


class Program(NamedTuple):
    """One of the programs that may serve in a role: dhcp, tftp, http or nfs.

    `name` is the recipe's for it, `service` that of its systemd unit and its script of /etc/init.d, `package`
    Debian's; `settings` are the files of the server bundle that it reads.
    """

    role: str
    name: str
    service: str
    package: str
    settings: tuple[str, ...]


def programs(release: str, *, http: bool, nfs: bool) -> tuple[Program, ...]:
    """Every program that a server bundle has settings for, for HTTP and for NFS where the release needs them.

    `release` is its NAME-VERSION.
    """
    dhcpd, kea, hpa, kernel = "isc-dhcp-server", "kea-dhcp4-server", "tftpd-hpa", "nfs-kernel-server"
    dnsmasq = "etc/dnsmasq.d/nfsroot"
    ganesha = ("etc/ganesha/ganesha.conf", f"etc/ganesha/exports.d/{release}.conf")
    exporters = (
        Program("nfs", NfsServer.KERNEL, kernel, kernel, (f"etc/exports.d/{release}.exports",)),
        Program("nfs", NfsServer.GANESHA, "nfs-ganesha", "nfs-ganesha-vfs", ganesha),
    )
    web = (Program("http", HTTP_SERVER, "nginx", "nginx", ("etc/nginx/conf.d/nfsroot.conf",)),)
    return (
        Program("dhcp", DhcpServer.ISC, dhcpd, dhcpd, ("etc/dhcp/dhcpd.conf", f"etc/default/{dhcpd}")),
        Program("dhcp", DhcpServer.KEA, kea, kea, ("etc/kea/kea-dhcp4.conf",)),
        Program("dhcp", DhcpServer.DNSMASQ, "dnsmasq", "dnsmasq", (f"{dnsmasq}.conf", f"{dnsmasq}-dhcp.conf")),
        Program("tftp", TftpServer.TFTPD_HPA, hpa, hpa, (f"etc/default/{hpa}",)),
        Program("tftp", TftpServer.DNSMASQ, "dnsmasq", "dnsmasq", (f"{dnsmasq}.conf", f"{dnsmasq}-tftp.conf")),
        *(web if http else ()),
        *(exporters if nfs else ()),
    )


def chosen(recipe: Recipe, version: str, server: Server) -> tuple[Program, ...]:
    """The program that `server` runs in each role that the release needs."""
    names = {"dhcp": server.dhcp, "tftp": server.tftp, "http": HTTP_SERVER, "nfs": server.nfs}
    every = programs(f"{recipe.image.name}-{version}", http=recipe.needs_http, nfs=recipe.needs_nfs)
    return tuple(program for program in every if program.name == names[program.role])
