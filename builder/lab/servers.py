"""The rack's servers, run from the server bundle as it was installed: DHCP, TFTP and NFS."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab import exports, ganesha
from builder.lab.namespace import Namespace
from builder.lab.release import Release
from builder.recipe.models import Cluster

SECONDS_TO_START = 30.0
LAB = "/lab"
"""Where the rack's working directory stands in its machine."""


DHCP = """\
. /etc/default/isc-dhcp-server
exec dhcpd -4 -f -d -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcp/dhcpd.leases -pf /run/dhcpd.pid $INTERFACESv4
"""
TFTP = """\
. /etc/default/tftpd-hpa
exec in.tftpd --foreground --user "$TFTP_USERNAME" --address "$TFTP_ADDRESS" $TFTP_OPTIONS "$TFTP_DIRECTORY"
"""
"""As in /etc/init.d of Debian's packages, where the files of /etc/default are shell, but in the foreground."""

NFS = f"exec ganesha.nfsd -F -f {LAB}/ganesha.conf -L /dev/stdout -p /run/ganesha.pid\n"


EXPORT_REFUSED = "Could not create export"
"""What ganesha logs, and goes on, when it cannot serve an EXPORT block."""


@dataclass(frozen=True)
class Daemon:
    """A server: the shell script that becomes it, and the port (of /proc/net/TABLE) that shows that it is up."""

    name: str
    script: str
    table: str
    port: int


DAEMONS = (
    Daemon("rpcbind", "mkdir -p /run/rpcbind; exec rpcbind -f\n", "tcp", 111),
    Daemon("nfs", NFS, "tcp", 2049),
    Daemon("tftp", TFTP, "udp", 69),
    Daemon("dhcp", "touch /var/lib/dhcp/dhcpd.leases\n" + DHCP, "udp", 67),
)
"""In the order in which they start."""

LOGS = (*(f"{daemon.name}.log" for daemon in DAEMONS), "network.log")
"""Files in the rack's directory that tell what the servers did and what was seen on the network."""


def install(machine: Namespace, release: Release) -> None:
    """Unpack the bundle and run its own installer, then unpack the root tarball where nodes will look for it."""
    root = release.manifest.server_directory
    for argv in (
        ("mkdir", "-p", "/bundle", "/server", root, "/var/lib/dhcp", "/var/lib/nfs/ganesha", "/var/lib/nfs/sm"),
        ("tar", "-C", "/bundle", "-xzf", f"/release/{release.server_bundle.name}"),
        ("sh", "/bundle/install.sh", "--root", "/server"),
        ("cp", "-a", "/server/.", "/"),
        (
            "tar",
            "-C",
            root,
            "--zstd",
            "--numeric-owner",
            "--xattrs",
            "--xattrs-include=*",
            "-xpf",
            f"/release/{release.root_tarball.name}",
        ),
    ):
        machine.run(argv)


def connect(machine: Namespace, cluster: Cluster, bridge: str, taps: Iterable[str]) -> None:
    """Make the cluster's network: a bridge with the server's address, and a port for each node."""
    address = IPv4Interface((cluster.server.address, cluster.subnet.prefixlen))
    commands = [
        f"link add {bridge} type bridge forward_delay 0",
        f"address add {address} broadcast {cluster.broadcast} dev {bridge}",
        f"link set {bridge} up",
    ]
    for tap in taps:
        commands += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
    for command in commands:
        machine.run(("ip", *command.split()))


def start(machine: Namespace, logs: Path) -> dict[str, subprocess.Popen[bytes]]:
    """Start every server and wait until all of them listen; the machine's end is theirs.

    :raises NfsrootError: a server ended, or does not listen after 30 s; its last lines are in the error.
    """
    files = sorted(machine.path("/etc/exports.d").glob("*.exports"))
    exported = [export for file in files for export in exports.parse(file.read_text())]
    (logs / "ganesha.conf").write_text(ganesha.configuration(exported))
    started = {}
    for daemon in DAEMONS:
        log = logs / f"{daemon.name}.log"
        started[daemon.name] = machine.start(("sh", "-euc", daemon.script), log)
        _await(machine, daemon, started[daemon.name], log)
    refused = [line for line in (logs / "nfs.log").read_text().splitlines() if EXPORT_REFUSED in line]
    if refused:
        raise NfsrootError("the NFS server refuses an export", details="\n".join(refused))
    return started


def last_lines(log: Path, count: int = 10) -> str:
    """The end of a log, each line marked with the log's name."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"{log.name} | {line.rstrip()}" for line in lines[-count:])


def _await(machine: Namespace, daemon: Daemon, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _listens(machine, daemon):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NfsrootError(f"the {daemon.name} server did not start", details=last_lines(log, 20))
        time.sleep(0.1)


def _listens(machine: Namespace, daemon: Daemon) -> bool:
    tables = (Path(f"/proc/{machine.init}/net/{daemon.table}{version}") for version in ("", "6"))
    sockets = (line.split() for table in tables for line in table.read_text().splitlines()[1:])
    return any(local.endswith(f":{daemon.port:04X}") for _, local, *_ in sockets)
