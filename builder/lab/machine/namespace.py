"""A namespace: a group of processes with a network, mounts, an IPC namespace and a host name of their own.

It consists of Linux namespaces (namespaces(7)).  Its first process waits on a pipe that only the lab holds open.  When
the lab ends, even by SIGKILL, that process reads the end of file and ends, too.  The kernel then kills every process of
the PID namespace (pid_namespaces(7)), and mounts, bridge and tap devices vanish with the last process.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from builder.errors import InputError, NfsrootError
from builder.parallel import crew
from builder.process import OnLine, run

ENVIRONMENT = MappingProxyType({"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8"})
HOST_FILES = (
    *("passwd", "group", "services", "protocols", "rpc", "netconfig", "nsswitch.conf", "ld.so.cache"),
    *("nginx/nginx.conf", "nginx/mime.types"),
)
"""Files of this machine's /etc that programs of /usr read; all other files in /etc come from the server bundle."""

SECONDS_TO_END = 10.0
ETH_P_ALL = 3
CLONE_NEWNET = 0x40000000

Made = TypeVar("Made")


@dataclass(frozen=True)
class Namespace:
    """A namespace that runs; `init` is the process ID, on this machine, of its first process."""

    init: int

    def command(self, argv: Sequence[str]) -> list[str]:
        """Build the command that runs `argv` in the namespace (nsenter(1)); when it is killed, `argv` ends, too."""
        enter = ["nsenter", f"--target={self.init}", "--mount", "--net", "--pid", "--ipc", "--uts", "--root", "--wd"]
        return [*enter, "--", "setpriv", "--pdeathsig=KILL", "--", *argv]

    def run(self, argv: Sequence[str], on_line: OnLine = lambda _: None) -> None:
        """Run `argv` in the namespace until it ends; raises CommandError when it fails."""
        run(self.command(argv), env=ENVIRONMENT, on_line=on_line)

    def run_with_our_files(self, argv: Sequence[str], on_line: OnLine) -> None:
        """Run `argv` on the namespace's network, with this machine's files and the user's ssh agent.

        :raises CommandError: the command fails.
        """
        agent = {name: value for name, value in os.environ.items() if name == "SSH_AUTH_SOCK"}
        enter = ["nsenter", f"--net=/proc/{self.init}/ns/net", "--", "setpriv", "--pdeathsig=KILL", "--"]
        run([*enter, *argv], env={**ENVIRONMENT, **agent}, on_line=on_line)

    def start(self, argv: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
        """Start `argv` in the namespace, and append its output to `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(
                self.command(argv), env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def path(self, inside: str) -> Path:
        """Translate `inside`, an absolute path in the namespace, to a path on this machine."""
        return Path(f"/proc/{self.init}/root") / inside.lstrip("/")

    def packet_socket(self, interface: str) -> socket.socket:
        """Open a packet socket (packet(7)) that receives every frame of `interface`, in both directions, and sends."""
        return self.in_network(lambda: _open_packet_socket(interface))

    def in_network(self, make: Callable[[], Made]) -> Made:
        """Call `make` in the network namespace, and give its result."""
        with crew(1) as thread:  # setns(2) moves this thread alone, which ends; the sockets that it opened stay.
            return thread.begin(partial(self._enter_and, make))()

    def _enter_and(self, make: Callable[[], Made]) -> Made:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/proc/{self.init}/ns/net").open(encoding="utf-8") as net:
            if libc.setns(net.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return make()


def _open_packet_socket(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    opened.bind((interface, ETH_P_ALL))
    return opened


@contextmanager
def create_namespace(
    host_name: str, binds: Mapping[str, Path], tmpfs: Sequence[str], read_only: Sequence[Path] = ()
) -> Iterator[Namespace]:
    """Create a namespace with an empty root, this machine's /usr, and each of `binds` (path inside: path outside).

    `tmpfs` are the paths of further file systems in memory, `read_only` directories of this machine that appear at the
    same paths.  When the block is left, nothing of the namespace remains.

    :raises InputError: this process does not run as root.
    """
    if os.geteuid() != 0:
        raise InputError("the lab makes network devices and mounts, which only root may do", resolution="Use sudo.")
    info, info_child = os.pipe()
    lifeline, lifeline_ours = os.pipe()
    argv = build_command(host_name, binds, tmpfs, info_child, read_only)
    bwrap = subprocess.Popen(
        argv, env=ENVIRONMENT, stdin=lifeline, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(info_child,)
    )
    os.close(lifeline)
    os.close(info_child)
    try:
        yield Namespace(_read_init(bwrap, info))
    finally:
        os.close(lifeline_ours)
        _wait(bwrap)


def build_command(
    host_name: str, binds: Mapping[str, Path], tmpfs: Sequence[str], info: int, read_only: Sequence[Path] = ()
) -> list[str]:
    """Build the bwrap(1) command that creates a namespace and writes the ID of its first process to descriptor `info`.

    The first process is cat: bwrap's own init would not end before processes that have lost their parent, such as the
    workers of a server that was killed.
    """
    argv = [
        "bwrap",
        "--as-pid-1",
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--hostname",
        host_name,
    ]
    argv += ["--info-fd", str(info), "--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib64"):
        argv += ["--symlink", f"usr/{name}", f"/{name}"]
    for name in HOST_FILES:
        argv += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    argv += ["--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc", "--dev", "/dev"]
    argv += ["--dev-bind", "/dev/net/tun", "/dev/net/tun", "--dev-bind-try", "/dev/kvm", "/dev/kvm"]
    # Without --dir, bwrap makes the directory of a link for root alone, and nginx writes below /var as www-data.
    argv += ["--dir", "/var", "--symlink", "../run", "/var/run", "--symlink", "../proc/self/mounts", "/etc/mtab"]
    for directory in ("/run", "/tmp", *tmpfs):
        argv += ["--tmpfs", directory]
    for inside, outside in binds.items():
        argv += ["--bind", str(outside), inside]
    for shared in map(str, read_only):
        argv += ["--ro-bind", shared, shared]
    return [*argv, "--", "sh", "-c", "echo up; exec cat"]


def _read_init(bwrap: subprocess.Popen[bytes], info: int) -> int:
    """Wait until the namespace's mounts are made, and read the ID of its first process."""
    assert bwrap.stdout is not None and bwrap.stderr is not None
    with os.fdopen(info, encoding="utf-8") as told:
        text = told.read()
    if bwrap.stdout.readline() == b"":
        raise NfsrootError("bwrap could not create a namespace", details=bwrap.stderr.read().decode(errors="replace"))
    return int(json.loads(text)["child-pid"])


def _wait(bwrap: subprocess.Popen[bytes]) -> None:
    try:
        bwrap.communicate(timeout=SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        bwrap.kill()
        bwrap.communicate()
