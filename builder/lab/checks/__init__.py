"""The checks that the lab makes on a node that has booted."""

from __future__ import annotations

from collections.abc import Iterator

from builder.errors import NfsrootError
from builder.lab.checks import identity, logins, logs, mounts, network, reporting, root, system
from builder.lab.checks.model import Check, Finding, Subject

CHECKS: tuple[Check, ...] = (
    *system.CHECKS,
    *identity.CHECKS,
    *mounts.CHECKS,
    *root.CHECKS,
    *network.CHECKS,
    *logins.CHECKS,
    *reporting.CHECKS,
    *logs.CHECKS,
)


def examine(subject: Subject) -> Iterator[tuple[Check, Finding]]:
    """Make each check that applies.  When the node does not answer, the remaining checks fail without a question."""
    silent: Finding | None = None
    for check in CHECKS:
        if not check.applies(subject):
            continue
        try:
            yield check, silent or check.examine(subject)
        except NfsrootError as error:
            silent = Finding("", (error.brief,))
            yield check, silent
