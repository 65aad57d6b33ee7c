"""The types of a command that runs `nfsroot` in a test, and of its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """The exit status, the standard output and the standard error of a command."""

    status: int
    out: str
    err: str


Nfsroot = Callable[..., Ended]
"""Runs `nfsroot` with the arguments."""
