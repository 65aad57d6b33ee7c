"""What must hold on a node that has booted: the list of checks, and how they are made."""

from __future__ import annotations

from collections.abc import Iterator

from builder.errors import NfsrootError
from builder.lab.checks import identity, network, root, system
from builder.lab.checks.model import Check, Finding, Subject

CHECKS: tuple[Check, ...] = (*system.CHECKS, *identity.CHECKS, *root.CHECKS, *network.CHECKS)


def examine(subject: Subject) -> Iterator[tuple[Check, Finding]]:
    """Make each check that applies; a node that does not answer fails it."""
    for check in CHECKS:
        if check.applies(subject):
            yield check, _examine(check, subject)


def _examine(check: Check, subject: Subject) -> Finding:
    try:
        return check.examine(subject)
    except NfsrootError as error:
        return Finding("", (error.brief,))
