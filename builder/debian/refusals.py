"""Errors of making a tree, in the user's terms: packages that cannot be installed, refusals by programs of a job."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from builder.container import mirror
from builder.debian.conflicts import Choice, ConflictError
from builder.errors import NfsrootError, Problem
from builder.process import CommandError
from builder.recipe.models import Debian
from builder.recipe.place import Place

REFUSAL = "refusal"
"""The file to which programs outside the tree write why they refuse the tree: JSON with an NfsrootError's fields."""
SHOWN = 6
UNSOLVED = re.compile(r"Unable to satisfy dependencies|unmet dependencies|held broken packages")
"""The texts by which apt says that it finds no solution, of Debian 13 and of earlier releases."""


class Want(NamedTuple):
    """A wanted package: `clause` says in words who wants it, `place` where the recipe names it (line 0: nowhere).

    A package that is `needed`, by an element or by Debian itself, cannot be taken out of the recipe.
    """

    package: str
    clause: str
    place: Place
    needed: bool = True

    def problem(self, what: str, fix: str) -> Problem:
        """A problem with this package."""
        return Problem(*self.place, what, fix)


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


def unknown(want: Want, resembling: Sequence[str], debian: Debian) -> Problem:
    """The problem that the archive has no package of the wanted name."""
    fix = f"did you mean '{resembling[0]}'?" if resembling else "add its component, or look again with --refresh"
    asker = f", {want.clause}," if want.needed else ""
    return want.problem(f"there is no package '{want.package}'{asker} in {_archive(debian)}", fix)


def virtual(want: Want, providers: Sequence[str]) -> Problem:
    """The problem that several packages provide the wanted name, of which apt chooses none by itself."""
    more = f" and {len(providers) - SHOWN} more" if len(providers) > SHOWN else ""
    what = f"'{want.package}' is no package but a name that several provide: {', '.join(providers[:SHOWN])}{more}"
    return want.problem(what, "name one of them")


def conflict(want: Want, error: ConflictError, wants: Mapping[str, Want], debian: Debian) -> Problem:
    """The problem that `want`, the last of `wants`, cannot be installed with the others."""
    chosen, other = error.chosen, error.other
    if other and other.wanted == want.package and not error.missing:
        chosen, other = other, chosen
    what = label(chosen, wants, without=want)
    if error.missing:
        what += f" needs {' | '.join(map(str, error.missing))}"
        blocker = f", which conflicts with {label(other, wants, without=want)}" if other else ""
        what += blocker or f": not in {_archive(debian)}"
    elif other:
        what += f" conflicts with {label(other, wants, without=want)}"
    involved = (wants[each.wanted] for each in (chosen, other) if each)
    return want.problem(what.rstrip(","), _fix(want, next((each for each in involved if each != want), None)))


def label(chosen: Choice, wants: Mapping[str, Want], without: Want | None = None) -> str:
    """A package in words, with the package that depends on it, and the clause of that want.

    The clause of the want `without` is left out when it has a place, since the message begins with the place.
    """
    want = wants[chosen.wanted]
    words = [chosen.name]
    if chosen.name != chosen.wanted:
        words.append(f"on which {chosen.wanted} depends")
    if want != without or not want.place.line:
        words.append(want.clause)
    return ", ".join(words) + ("," if len(words) > 1 else "")


def _fix(want: Want, other: Want | None) -> str:
    if other is None:
        return "add the component that has it, or look again with --refresh"
    if want.needed:
        return f"take '{other.package}' out" if not other.needed else "choose other elements"
    if other.needed:
        return f"take '{want.package}' out"
    if want.place.file == other.place.file:
        return "keep one of them"
    return f'add "-{other.package}" to packages'


def _archive(debian: Debian) -> str:
    return f"Debian {debian.suite} ({', '.join(debian.components)})"
