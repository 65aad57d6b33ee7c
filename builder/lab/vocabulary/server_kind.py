"""The kinds of servers in a rack."""

from __future__ import annotations

from enum import StrEnum


class ServerKind(StrEnum):
    """The kind of a rack's server: programs of this machine in namespaces, or a virtual machine."""

    NAMESPACE = "namespace"
    VM = "vm"


PATIENCE = {ServerKind.NAMESPACE: 1.0, ServerKind.VM: 2.0}
"""The factor by which the time limits of nodes grow with each kind of server.

A virtual machine that serves takes a processor from the nodes, and QEMU may have to translate its instructions.
"""
