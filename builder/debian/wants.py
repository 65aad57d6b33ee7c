"""Wanted packages, and the problems, in the user's terms, why they cannot be installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from builder.debian.conflicts import Choice, ConflictError
from builder.errors import Problem
from builder.recipe.models import Debian
from builder.recipe.place import Place

SHOWN = 6
"""The number of providers of a name that a message shows."""


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
