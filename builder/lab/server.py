"""What a rack asks of the machine that serves it, wherever that runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from builder.lab.agent import Answer
from builder.lab.release import Release


class ServerKind(StrEnum):
    """What the server is: the rack's own machine, made of namespaces, or a virtual machine in the rack."""

    NAMESPACE = "namespace"
    VM = "vm"


PATIENCE = {ServerKind.NAMESPACE: 1.0, ServerKind.VM: 2.0}
"""By how much nodes take longer: a virtual machine that serves needs a processor of its own, and may be translated."""


@dataclass(frozen=True)
class Daemon:
    """A server and the roles in which it serves; `name` is that of its service in Debian."""

    name: str
    roles: tuple[str, ...]


class ServerMachine(Protocol):
    """The machine with the DHCP, TFTP and NFS servers.  It leaves their logs in the rack's directory."""

    def install(self, release: Release) -> None:
        """Install `release` by its bundle's own installer, and unpack its root.

        :raises NfsrootError: one of them fails.
        """

    def start(self) -> None:
        """Start every server and wait until all serve.

        :raises NfsrootError: a server does not start.
        """

    def stop_role(self, role: str) -> None:
        """Stop the program that serves in a role ("dhcp", "tftp" or "nfs"): nobody does until `start_role`.

        :raises NfsrootError: it cannot be stopped.
        """

    def start_role(self, role: str) -> None:
        """Start it again and wait until it serves.

        :raises NfsrootError: it does not start.
        """

    def processor_seconds(self) -> Mapping[Daemon, float]:
        """What each daemon has used of this machine's processors; nothing when that cannot be told apart."""

    def run(self, argv: Sequence[str]) -> Answer:
        """What `argv` writes when it is run on the machine, and its exit status."""
