"""The programs and firmware images that this machine must have for the lab."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from builder import host
from builder.errors import InputError
from builder.host import Tool
from builder.lab.machine.namespace import ENVIRONMENT
from builder.lab.machine.qemu import FLASH
from builder.lab.vocabulary.hardware import Firmware

TOOLS = (
    Tool("bwrap", "bubblewrap", "makes the rack's namespace"),
    Tool("ip", "iproute2", "makes the rack's network"),
    Tool("dhcpd", "isc-dhcp-server", "serves DHCP"),
    Tool("kea-dhcp4", "kea-dhcp4-server", "serves DHCP"),
    Tool("dnsmasq", "dnsmasq-base", "serves DHCP and TFTP"),
    Tool("in.tftpd", "tftpd-hpa", "serves TFTP"),
    Tool("nginx", "nginx", "serves HTTP"),
    Tool("rsyslogd", "rsyslog logrotate", "receives what nodes log"),
    Tool("rpcbind", "rpcbind", "tells nodes where NFS is served"),
    Tool("ganesha.nfsd", "nfs-ganesha nfs-ganesha-vfs", "serves NFS"),
    Tool("qemu-system-x86_64", "qemu-system-x86 ipxe-qemu seabios", "runs nodes"),
    Tool("ssh", "openssh-client", "logs in on nodes"),
    Tool("zstd", "zstd", "unpacks releases"),
)


def need(firmware: Firmware) -> None:
    """Check that this machine can boot nodes with `firmware` in the lab.

    :raises InputError: this process does not run as root, or a program or the firmware is missing.
    """
    if os.geteuid() != 0:
        raise InputError("the lab makes network devices and mounts, which only root may do", resolution="Use sudo.")
    if packages := find_missing_packages(firmware):
        raise InputError(
            f"this machine lacks {', '.join(packages)}",
            resolution=f"apt-get install --no-install-recommends {' '.join(packages)}",
        )


def find_missing_packages(firmware: Firmware) -> list[str]:
    """List the Debian packages that the lab needs for nodes with `firmware` and that this machine lacks."""
    packages = [package for tool in find_missing_tools(TOOLS) for package in tool.package.split()]
    flash = FLASH.get(firmware)
    return packages + (["ovmf"] if flash and not _exist(flash.code, flash.variables) else [])


def find_missing_tools(tools: Iterable[Tool]) -> list[Tool]:
    """Find the tools that are missing on the PATH of programs in the lab, which includes the directory of daemons."""
    return host.missing(tools, path=ENVIRONMENT["PATH"])


def _exist(*files: Path) -> bool:
    return all(file.exists() for file in files)
