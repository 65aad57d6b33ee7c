"""The interface of a rack's server: a machine made of namespaces, or a virtual machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from builder.lab.machine.agent import Answer
from builder.lab.released.release import Release


@dataclass(frozen=True)
class Daemon:
    """A program that serves, and the roles in which it does; `name` is the name of its service in Debian."""

    name: str
    roles: tuple[str, ...]


class RackServer(Protocol):
    """The machine with the DHCP, TFTP and NFS servers, whose logs are in the rack's directory."""

    def install(self, release: Release) -> None:
        """Install `release` by the installer of its server bundle, and unpack its root.

        :raises NfsrootError: the installer or the unpacking fails.
        """

    def start(self) -> None:
        """Start every server and wait until all serve.

        :raises NfsrootError: a server does not start.
        """

    def stop_role(self, role: str) -> None:
        """Stop the program that serves in a role ("dhcp", "tftp" or "nfs"), until `start_role` is called.

        :raises NfsrootError: the program cannot be stopped.
        """

    def start_role(self, role: str) -> None:
        """Start the program that serves in a role again, and wait until it serves.

        :raises NfsrootError: the program does not start.
        """

    def processor_seconds(self) -> Mapping[Daemon, float]:
        """The processor time, in seconds, of each daemon on this machine; empty when it cannot be measured."""

    def run(self, argv: Sequence[str]) -> Answer:
        """Run `argv` on the machine, and give its output and exit status."""
