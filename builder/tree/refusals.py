"""Why a tree cannot be made, in the user's terms: packages that cannot be had, or what a program of its job refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from builder.container import mirror
from builder.errors import NfsrootError, Problem
from builder.process import CommandError
from builder.recipe.models import Debian
from builder.recipe.place import Place
from builder.tree.conflicts import Choice, ConflictError

REFUSAL = "refusal"
"""A file that programs outside the tree may write: why they refuse it, as JSON with the fields of an NfsrootError."""
SHOWN = 6
UNSOLVED = re.compile(r"Unable to satisfy dependencies|unmet dependencies|held broken packages")
"""What apt writes, that of Debian 13 and that of before."""


class Want(NamedTuple):
    """A package that is wanted: a clause says by whom, `place` where the recipe names it (line 0: nowhere).

    One that is `needed`, by an element or by Debian itself, is nothing that the recipe could take away.
    """

    package: str
    clause: str
    place: Place
    needed: bool = True

    def problem(self, what: str, fix: str) -> Problem:
        """A problem with this package."""
        return Problem(*self.place, what, fix)


def read(directory: Path) -> NfsrootError | None:
    """The error with which a program refused the tree whose job writes to `directory`, if one did."""
    file = directory / REFUSAL
    if not file.exists():
        return None
    said = json.loads(file.read_text(encoding="utf-8"))
    return NfsrootError(said["brief"], details=said["details"], resolution=said["resolution"])


def explain(error: CommandError, debian: Debian) -> NfsrootError:
    """What a failed installation means: what the mirror says, or that apt tried in vain; `error` itself else."""
    if not any(UNSOLVED.search(line) for line in error.last_lines):
        return mirror.explain(error, debian)
    return NfsrootError(
        "apt finds no way to install these packages together",
        details=error.details,
        resolution="Take one of those that apt names out of [debian] packages.",
    )


def unknown(want: Want, resembling: Sequence[str], debian: Debian) -> Problem:
    """Nobody has a package of that name."""
    fix = f"did you mean '{resembling[0]}'?" if resembling else "add its component, or look again with --refresh"
    asker = f", {want.clause}," if want.needed else ""
    return want.problem(f"there is no package '{want.package}'{asker} in {_archive(debian)}", fix)


def virtual(want: Want, providers: Sequence[str]) -> Problem:
    """Several packages provide the name, and apt chooses none by itself."""
    more = f" and {len(providers) - SHOWN} more" if len(providers) > SHOWN else ""
    what = f"'{want.package}' is no package but a name that several provide: {', '.join(providers[:SHOWN])}{more}"
    return want.problem(what, "name one of them")


def conflict(want: Want, error: ConflictError, wants: Mapping[str, Want], debian: Debian) -> Problem:
    """What arises when `want`, the last of `wants`, is added to the others."""
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
    """A package, what depends on it, and who wants that; the latter is not said of `without`, if that has a place."""
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
