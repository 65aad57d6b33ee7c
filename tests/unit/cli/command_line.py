"""How a command line is run, and how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, standard output and standard error."""

    status: int
    out: str
    err: str


Nfsroot = Callable[..., Ended]
"""Runs `nfsroot` with the arguments."""
