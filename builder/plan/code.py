"""The digest of the code that makes a step, which is part of the step's key."""

from __future__ import annotations

from builder.code import PROGRAM
from builder.plan.step import Step


def digest(step: Step) -> str:
    """The SHA-256 over the code that makes a step."""
    return PROGRAM.digest(*step.making.modules, beyond=step.making.beyond)
