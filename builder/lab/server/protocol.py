"""The interface of a rack's server, which runs in the rack's namespace or in a virtual machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from builder.lab.machine.agent import Answer
from builder.lab.released.release import Release


@dataclass(frozen=True)
class Daemon:
    """A daemon and the roles in which it serves; `name` is the name of its service in Debian."""

    name: str
    roles: tuple[str, ...]


class RackServer(Protocol):
    """A server with daemons for DHCP, TFTP, HTTP and NFS, whose logs are in the rack's directory."""

    def install(self, release: Release) -> None:
        """Install `release` by the installer of its server bundle, and unpack its root.

        :raises NfsrootError: the installer or the unpacking fails.
        """

    def start(self) -> None:
        """Start every daemon and wait until all serve.

        :raises NfsrootError: a daemon does not start.
        """

    def stop_role(self, role: str) -> None:
        """Stop the daemon that serves in a role ("dhcp", "tftp" or "nfs"), until `start_role` is called.

        :raises NfsrootError: the daemon cannot be stopped.
        """

    def start_role(self, role: str) -> None:
        """Start the daemon that serves in a role again, and wait until it serves.

        :raises NfsrootError: the daemon does not start.
        """

    def processor_seconds(self) -> Mapping[Daemon, float]:
        """Measure the processor time, in seconds, of each daemon; the result is empty when that is not possible."""

    def run(self, argv: Sequence[str]) -> Answer:
        """Run `argv` on the server, and give its output and exit status."""
