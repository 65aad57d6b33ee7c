"""The check that a node is the same node after a reboot."""

from __future__ import annotations

from dataclasses import dataclass

from builder.lab.checks.identity import Identity, read_identity
from builder.lab.checks.model import Finding, Subject
from builder.lab.checks.system import NFSBOOTED, RUNNING
from builder.overlay.writable import PERSISTENT_STATE, state_directory

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
"""Prints the identifier that Linux gives to its present boot (random(4))."""

REBOOT = ("reboot", "the node reboots, and is the same node afterwards")
"""Name and meaning of the check that `check_return` makes."""


@dataclass(frozen=True)
class Boot:
    """A boot of a node: the boot's identifier, and the identity that the node has in it."""

    id: str
    identity: Identity


def read_boot(subject: Subject) -> Boot:
    """Read the identifier and the identity of a node's present boot."""
    return Boot(subject.ask(BOOT_ID).text, read_identity(subject))


def check_return(before: Boot, subject: Subject) -> Finding:
    """Check that the node is in another boot than `before`, that it is healthy, and that it has kept its identity.

    A node always keeps its machine-id.  It keeps ssh host keys if the release has them on the server, not in memory.
    """
    after = read_boot(subject)
    problems = [f"the node is still in boot {after.id}"] if after.id == before.id else []
    problems += [problem for check in (RUNNING, NFSBOOTED) for problem in check.examine(subject).problems]
    if after.identity.machine_id != before.identity.machine_id:
        problems.append(f"the node's machine-id was {before.identity.machine_id} and is {after.identity.machine_id}")
    kept = ["machine-id"]
    if state_directory(subject.release.recipe) == PERSISTENT_STATE:
        kept.append("ssh host keys")
        if after.identity.host_keys != before.identity.host_keys:
            problems.append("the node has new ssh host keys")
    return Finding(f"in boot {after.id}, with its {' and '.join(kept)}", tuple(problems))
