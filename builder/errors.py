"""The errors that a user sees: what happened, where, and how to fix it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class NfsrootError(Exception):
    """An error that ends the command.

    `brief` says in one sentence what happened; `details` adds lines that help to understand the error (the last
    lines of a tool, for instance); `resolution` says how to fix it.  `exit_status` is the exit status of nfsroot.
    """

    exit_status = 1

    def __init__(self, brief: str, *, details: str = "", resolution: str = "") -> None:
        super().__init__(brief)
        self.brief = brief
        self.details = details
        self.resolution = resolution

    def __str__(self) -> str:
        return "\n".join(part for part in (self.brief, self.details, self.resolution) if part)


class NoSpaceError(NfsrootError):
    """A file system is full."""


class InputError(NfsrootError):
    """The user's input is wrong: an option, an environment variable, a recipe that does not exist."""

    exit_status = 2


class OutputError(Exception):
    """The program cannot write its output to the file or pipe `stream`, for the reason `reason`.

    This is no NfsrootError, because the work itself has not failed: the lab, for instance, would count an NfsrootError
    as a failure of the release.
    """

    def __init__(self, stream: str, reason: OSError) -> None:
        super().__init__(f"{stream} cannot be written: {reason.strerror}")
        self.is_closed = isinstance(reason, BrokenPipeError)


class Problem(NamedTuple):
    """A mistake in a file that the user wrote.  `line` and `column` count from 1; 0 stands for the whole file."""

    file: Path
    line: int
    column: int
    what: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else f"{self.file}"
        return f"{place}: {self.what}; {self.fix}" if self.fix else f"{place}: {self.what}"


class RecipeError(InputError):
    """All mistakes of a recipe, in the order in which they stand in its files."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = tuple(sorted(set(problems)))
        count = len(self.problems)
        super().__init__(
            f"the recipe has {count} mistake{'s' if count != 1 else ''}",
            details="\n".join(str(problem) for problem in self.problems),
        )
