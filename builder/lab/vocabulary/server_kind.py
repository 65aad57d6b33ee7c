"""The kinds of servers in a rack."""

from __future__ import annotations

from enum import StrEnum


class ServerKind(StrEnum):
    """The kind of a rack's server: the rack's own machine, made of namespaces, or a virtual machine in the rack."""

    NAMESPACE = "namespace"
    VM = "vm"


PATIENCE = {ServerKind.NAMESPACE: 1.0, ServerKind.VM: 2.0}
"""The factor by which nodes take longer.

A virtual machine that serves needs a processor of its own, and QEMU may have to translate its instructions.
"""
