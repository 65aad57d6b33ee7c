"""A server in the rack's namespace: daemons of this machine with the settings that the server bundle installs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import Popen

from builder.errors import NfsrootError
from builder.lab.machine.agent import Answer
from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import SERVER_LOGS, read_last_lines
from builder.lab.measure.meter import Meter
from builder.lab.released.release import Release
from builder.lab.server.protocol import Daemon
from builder.process import CommandError, OnLine
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe, Server
from builder.server.root import commands
from builder.server.settings import chosen

SECONDS_TO_START = 120.0
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
    "nginx": """\
ln -sf /dev/stdout /var/log/nginx/access.log
ln -sf /dev/stdout /var/log/nginx/error.log
exec nginx -g 'daemon off;'
""",
    "rsyslog": "exec rsyslogd -n -iNONE -f /etc/rsyslog.d/nfsroot.conf",
    "dnsmasq": "exec dnsmasq -k -C /dev/null -7 /etc/dnsmasq.d --log-facility=- --pid-file=",
}
"""A shell script for each daemon, which becomes the daemon, in the order in which daemons start.

The scripts start daemons with the options of Debian's packages (from /etc/init.d, if the file in /etc/default is shell,
or from the systemd unit), but in the foreground.
"""

SOCKETS = {
    "rpc": ("tcp", 111),
    "nfs": ("tcp", 2049),
    "tftp": ("udp", 69),
    "http": ("tcp", 80),
    "dhcp": ("udp", 67),
    "logs": ("tcp", 514),
}
"""The table in /proc/net and the port of the socket on which the daemon of each role listens."""

LISTENING = {"tcp": "0A", "udp": "07"}
"""The state of a listening socket (TCP_LISTEN and TCP_CLOSE, include/net/tcp_states.h in Linux).

The port of a killed server stays in the table, in other states, until the connections to it have ended.
"""

EXPORT_REFUSED = "Could not create export"
"""The message that ganesha logs when it cannot serve an EXPORT block, without which it runs on."""


def list_daemons(recipe: Recipe, server: Server) -> tuple[Daemon, ...]:
    """List the daemons that a release of the recipe needs of `server`, in the order in which they start.

    NFSv3 needs rpcbind, which tells clients its ports; NFSv4 has one well-known port (RFC 7530, section 3.1).
    """
    roles: dict[str, list[str]] = {name: [] for name in SCRIPTS}
    if recipe.needs_nfs and recipe.root.nfs_version == 3:
        roles[RPCBIND].append("rpc")
    for program in chosen(recipe, server):
        roles[program.service].append(program.role)
    return tuple(Daemon(name, tuple(served)) for name, served in roles.items() if served)


class NamespaceServer:
    """A server in the rack's namespace (see `RackServer`).

    `server` names its daemons, `directory` is the rack's directory, and `meter` measures the namespace's processes.
    """

    def __init__(self, namespace: Namespace, server: Server, directory: Path, meter: Meter) -> None:
        self._namespace = namespace
        self._server = server
        self._logs = directory / SERVER_LOGS
        self._daemons: tuple[Daemon, ...] = ()
        self._running: dict[Daemon, Popen[bytes]] = {}
        self._sessions: dict[Daemon, list[int]] = {}
        self._meter = meter

    def install(self, release: Release) -> None:
        """Run the server bundle's installer, and then the commands of the bundle's README that put the root in place.

        :raises NfsrootError: a step fails, or the tree lacks the kernel's modules, without which no node can answer.
        """
        root, kernel, server = release.manifest.server_directory, release.manifest.kernel_version, self._server
        self._daemons = list_daemons(release.recipe, server)
        names = ("dhcp", "logrotate", "nfs/ganesha", "nfs/sm", "nginx")
        state = (*(f"/var/lib/{name}" for name in names), "/var/log/nginx")
        choice = ["--dhcp", server.dhcp, "--tftp", server.tftp]
        choice += ["--nfs", server.nfs] if release.recipe.needs_nfs else []
        for argv in (
            ("mkdir", "-p", "/bundle", "/server", *state),
            ("tar", "-C", "/bundle", "-xzf", f"/release/{release.server_bundle.name}"),
            ("sh", "/bundle/install.sh", "--root", "/server", *choice),
            ("cp", "-a", "/server/.", "/"),
            ("sh", "-euc", "\n".join(("cd /release", *commands(release.layout)))),
        ):
            self._namespace.run(argv)
        modules = self._namespace.path(f"{root}/lib/modules/{kernel}/modules.dep")
        if release.recipe.root.kind is RootKind.DIRECTORY and not modules.is_file():
            raise NfsrootError(f"the tree has no modules of the kernel that nodes load, {kernel}")

    def start(self) -> None:
        """Start every daemon and wait until all listen; the daemons end with the namespace.

        :raises NfsrootError: a daemon ended, or does not listen in time; the error has the log's last lines.
        """
        self._logs.mkdir()
        for daemon in self._daemons:
            self._start(daemon)
        log = self._logs / "nfs-ganesha.log"
        said = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        refused = [line for line in said if EXPORT_REFUSED in line]
        if refused:
            raise NfsrootError("the NFS server refuses an export", details="\n".join(refused))

    def stop_role(self, role: str) -> None:
        """Kill the daemon that serves in a role, as a crash would, with the processes that it started.

        :raises NfsrootError: a process still listens at a port of the daemon.
        """
        daemon = self._daemon(role)
        self._namespace.run(("sh", "-euc", f'kill -KILL "-$(cat {_name_pid_file(daemon)})"'))
        self._running.pop(daemon).wait()
        deadline = time.monotonic() + SECONDS_TO_START
        while any(_has_socket(self._namespace, each) for each in daemon.roles):
            if time.monotonic() > deadline:
                raise NfsrootError(f"the {role} server still listens although it was killed")
            time.sleep(0.1)

    def start_role(self, role: str) -> None:
        """Start the daemon that serves in a role again; raises NfsrootError as `start` does."""
        self._start(self._daemon(role))

    def processor_seconds(self) -> dict[Daemon, float]:
        """Measure the processor time, in seconds, of each daemon since its first start."""
        self._meter.measure()
        return {daemon: sum(map(self._meter.seconds, sessions)) for daemon, sessions in self._sessions.items()}

    def run(self, argv: Sequence[str]) -> Answer:
        """Run `argv` in the namespace, and give its output and exit status."""
        return collect_answer(lambda on_line: self._namespace.run(argv, on_line))

    def _daemon(self, role: str) -> Daemon:
        return next(daemon for daemon in self._daemons if role in daemon.roles)

    def _start(self, daemon: Daemon) -> None:
        log = self._logs / f"{daemon.name}.log"
        script = f"echo $$ >{_name_pid_file(daemon)}\n{SCRIPTS[daemon.name]}"
        process = self._running[daemon] = self._namespace.start(("setsid", "sh", "-euc", script), log)
        for role in daemon.roles:
            _await_socket(self._namespace, role, process, log)
        session = int(self._namespace.path(_name_pid_file(daemon)).read_text(encoding="utf-8"))
        self._sessions.setdefault(daemon, []).append(session)


def _name_pid_file(daemon: Daemon) -> str:
    return f"/run/nfsroot-{daemon.name}.pid"


def collect_answer(run: Callable[[OnLine], None]) -> Answer:
    """Collect the output and the exit status of a command, which `run` runs as `builder.process.run` does."""
    lines: list[str] = []
    try:
        run(lines.append)
    except CommandError as error:
        return Answer(error.status, "\n".join(lines[1:]))
    return Answer(0, "\n".join(lines[1:]))


def _await_socket(namespace: Namespace, role: str, process: Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not _has_socket(namespace, role):
        if process.poll() is not None or time.monotonic() > deadline:
            raise NfsrootError(f"the {role} server did not start", details=read_last_lines(log, 20))
        time.sleep(0.1)


def _has_socket(namespace: Namespace, role: str) -> bool:
    protocol, port = SOCKETS[role]
    tables = (Path(f"/proc/{namespace.init}/net/{protocol}{version}") for version in ("", "6"))
    sockets = (line.split() for table in tables for line in table.read_text(encoding="utf-8").splitlines()[1:])
    return any((local[-5:], state) == (f":{port:04X}", LISTENING[protocol]) for _, local, _, state, *_ in sockets)
