"""The check that a rebooted node is the same node again."""

from __future__ import annotations

from dataclasses import dataclass

from builder.lab.checks.identity import Identity, read_identity
from builder.lab.checks.model import Finding, Subject
from builder.lab.checks.system import NFSBOOTED, RUNNING
from builder.overlay.writable import PERSISTENT_STATE, state_directory

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
"""Prints the identifier that Linux gives to its present boot (random(4))."""

REBOOT = ("reboot", "the node starts anew when it is told to, and is the same node again")
"""Name and meaning of the check that `check_return` makes."""


@dataclass(frozen=True)
class Boot:
    """One boot of a node: the boot's identifier, and the node's identity in it."""

    id: str
    identity: Identity


def read_boot(subject: Subject) -> Boot:
    """The present boot of a node."""
    return Boot(subject.ask(BOOT_ID).text, read_identity(subject))


def check_return(before: Boot, subject: Subject) -> Finding:
    """Whether the node, which runs again, is in another boot, is up as it was, and has kept its identity.

    A machine-id is always kept; ssh host keys are kept where the release has them on the server, not in memory.
    """
    after = read_boot(subject)
    problems = [f"it is still in boot {after.id}"] if after.id == before.id else []
    problems += [problem for check in (RUNNING, NFSBOOTED) for problem in check.examine(subject).problems]
    if after.identity.machine_id != before.identity.machine_id:
        problems.append(f"its machine-id was {before.identity.machine_id} and is {after.identity.machine_id}")
    kept = ["machine-id"]
    if state_directory(subject.release.recipe) == PERSISTENT_STATE:
        kept.append("ssh host keys")
        if after.identity.host_keys != before.identity.host_keys:
            problems.append("its ssh host keys are new")
    return Finding(f"in boot {after.id}, with its {' and '.join(kept)}", tuple(problems))
