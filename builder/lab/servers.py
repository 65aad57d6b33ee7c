"""The rack's servers, run from the server bundle as its own installer put it: DHCP, TFTP and NFS."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from subprocess import Popen

from builder.errors import NfsrootError
from builder.lab.namespace import Namespace
from builder.lab.release import Release
from builder.recipe.models import Cluster, Server
from builder.server.programs import chosen

SECONDS_TO_START = 30.0
LAB = "/lab"
"""Where the rack's working directory stands in its machine."""

NETWORK_LOG = "network.log"
RPCBIND = "rpcbind"
SCRIPTS = {
    RPCBIND: "mkdir -p /run/rpcbind; exec rpcbind -f",
    "nfs-ganesha": "exec ganesha.nfsd -F -f /etc/ganesha/ganesha.conf -L /dev/stdout -p /run/ganesha.pid",
    "tftpd-hpa": """\
. /etc/default/tftpd-hpa
exec in.tftpd --foreground --user "$TFTP_USERNAME" --address "$TFTP_ADDRESS" $TFTP_OPTIONS "$TFTP_DIRECTORY"
""",
    "isc-dhcp-server": """\
. /etc/default/isc-dhcp-server
touch /var/lib/dhcp/dhcpd.leases
exec dhcpd -4 -f -d -cf /etc/dhcp/dhcpd.conf -lf /var/lib/dhcp/dhcpd.leases -pf /run/dhcpd.pid $INTERFACESv4
""",
    "kea-dhcp4-server": "KEA_LOCKFILE_DIR=none KEA_PIDFILE_DIR=/run exec kea-dhcp4 -c /etc/kea/kea-dhcp4.conf",
    "dnsmasq": "exec dnsmasq -k -C /dev/null -7 /etc/dnsmasq.d --log-facility=- --pid-file=",
}
"""What becomes each server, in the order in which they start.

As Debian's packages start them (in /etc/init.d, where the files of /etc/default are shell, or by a systemd unit),
but in the foreground.
"""

SOCKETS = {"rpc": ("tcp", 111), "nfs": ("tcp", 2049), "tftp": ("udp", 69), "dhcp": ("udp", 67)}
"""The port (of /proc/net/TABLE) that shows that somebody serves in a role."""

EXPORT_REFUSED = "Could not create export"
"""What ganesha logs, and goes on, when it cannot serve an EXPORT block."""


@dataclass(frozen=True)
class Daemon:
    """A server and the roles in which it serves; `name` is that of its service in Debian."""

    name: str
    roles: tuple[str, ...]


def daemons(server: Server) -> tuple[Daemon, ...]:
    """The programs that serve what `server` wants, in the order in which they start."""
    roles: dict[str, list[str]] = {name: [] for name in SCRIPTS}
    roles[RPCBIND].append("rpc")
    for program in chosen("", server):
        roles[program.service].append(program.role)
    return tuple(Daemon(name, tuple(served)) for name, served in roles.items() if served)


def install(machine: Namespace, release: Release, server: Server) -> None:
    """Unpack the bundle and run its own installer, then unpack the root tarball where nodes will look for it.

    :raises NfsrootError: one of them fails, or the tree has no modules of the kernel: its nodes could not speak.
    """
    root, kernel = release.manifest.server_directory, release.manifest.kernel_version
    state = ("/var/lib/dhcp", "/var/lib/nfs/ganesha", "/var/lib/nfs/sm")
    choice = ("--dhcp", server.dhcp, "--tftp", server.tftp, "--nfs", server.nfs)
    unpack = ("tar", "--zstd", "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf")
    for argv in (
        ("mkdir", "-p", "/bundle", "/server", root, *state),
        ("tar", "-C", "/bundle", "-xzf", f"/release/{release.server_bundle.name}"),
        ("sh", "/bundle/install.sh", "--root", "/server", *choice),
        ("cp", "-a", "/server/.", "/"),
        (*unpack, f"/release/{release.root_tarball.name}", "-C", root),
    ):
        machine.run(argv)
    if not machine.path(f"{root}/lib/modules/{kernel}/modules.dep").is_file():
        raise NfsrootError(f"the tree has no modules of the kernel that nodes load, {kernel}")


def connect(machine: Namespace, cluster: Cluster, bridge: str, taps: Iterable[str]) -> None:
    """Make the cluster's network: a bridge with the server's address, and a port for each node.

    A port to which no node is connected gives the server a carrier before a node is on, as a switch does: Kea opens no
    socket at an interface that has none.  Its other end answers no ARP, or nodes would take it for the server.
    """
    address = IPv4Interface((cluster.server.address, cluster.subnet.prefixlen))
    commands = [
        f"link add {bridge} type bridge forward_delay 0",
        f"address add {address} broadcast {cluster.broadcast} dev {bridge}",
        f"link set {bridge} up",
    ]
    commands += ["link add switch0 type veth peer name switch1", f"link set switch0 master {bridge} up"]
    commands.append("link set switch1 arp off up")
    for tap in taps:
        commands += [f"tuntap add dev {tap} mode tap", f"link set {tap} master {bridge} up"]
    for command in commands:
        machine.run(("ip", *command.split()))


def start(machine: Namespace, server: Server, directory: Path) -> None:
    """Start every server, its log in `directory`, and wait until all listen; the machine's end is theirs.

    :raises NfsrootError: a server ended, or does not listen after 30 s; its last lines are in the error.
    """
    for daemon in daemons(server):
        log = directory / f"{daemon.name}.log"
        process = machine.start(("sh", "-euc", SCRIPTS[daemon.name]), log)
        for role in daemon.roles:
            _await(machine, role, process, log)
    log = directory / "nfs-ganesha.log"
    refused = [line for line in log.read_text().splitlines() if EXPORT_REFUSED in line]
    if refused:
        raise NfsrootError("the NFS server refuses an export", details="\n".join(refused))


def logs(directory: Path) -> list[Path]:
    """The logs of the servers that were started."""
    return [log for name in SCRIPTS if (log := directory / f"{name}.log").exists()]


def last_lines(log: Path, count: int = 10) -> str:
    """The end of a log, each line marked with the log's name."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"{log.name} | {line.rstrip()}" for line in lines[-count:])


def _await(machine: Namespace, role: str, process: Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _listens(machine, role):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NfsrootError(f"the {role} server did not start", details=last_lines(log, 20))
        time.sleep(0.1)


def _listens(machine: Namespace, role: str) -> bool:
    protocol, port = SOCKETS[role]
    tables = (Path(f"/proc/{machine.init}/net/{protocol}{version}") for version in ("", "6"))
    sockets = (line.split() for table in tables for line in table.read_text().splitlines()[1:])
    return any(local.endswith(f":{port:04X}") for _, local, *_ in sockets)
