"""Errors of making a tree, in the user's terms: refusals by programs of a job, and installations that failed."""

from __future__ import annotations

import json
import re
from pathlib import Path

from builder.container import mirror
from builder.errors import NfsrootError
from builder.process import CommandError
from builder.recipe.models import Debian

REFUSAL = "refusal"
"""The file to which programs outside the tree write why they refuse the tree: JSON with an NfsrootError's fields."""
UNSOLVED = re.compile(r"Unable to satisfy dependencies|unmet dependencies|held broken packages")
"""The texts by which apt says that it finds no solution, of Debian 13 and of earlier releases."""


def read(directory: Path) -> NfsrootError | None:
    """The error with which a program of a job refused the tree, if any; `directory` is the job's output."""
    file = directory / REFUSAL
    if not file.exists():
        return None
    said = json.loads(file.read_text(encoding="utf-8"))
    return NfsrootError(said["brief"], details=said["details"], resolution=said["resolution"])


def explain(error: CommandError, debian: Debian) -> NfsrootError:
    """The error for a failed installation: the mirror failed, or apt found no solution; otherwise `error` itself."""
    if not any(UNSOLVED.search(line) for line in error.last_lines):
        return mirror.explain(error, debian)
    return NfsrootError(
        "apt finds no way to install these packages together",
        details=error.details,
        resolution="Take one of those that apt names out of [debian] packages.",
    )
