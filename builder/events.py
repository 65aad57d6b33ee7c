"""What happens during a build, as typed events.  Who shows them, and how, is `builder.cli.render`'s affair."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StepStarted:
    """A step begins to run, for a reason in words."""

    step: str
    reason: str


@dataclass(frozen=True)
class StepOutput:
    """A tool that runs for a step wrote one line."""

    step: str
    line: str


@dataclass(frozen=True)
class StepFinished:
    """A step has run, and how long that took."""

    step: str
    seconds: float


@dataclass(frozen=True)
class StepReused:
    """A step need not run: its object was in the cache."""

    step: str
    reason: str


@dataclass(frozen=True)
class Transferred:
    """So many of a step's bytes have gone over the network or to a disk since it began, some seconds ago."""

    step: str
    done: int
    total: int
    seconds: float


@dataclass(frozen=True)
class Notice:
    """Something that the user should know and need not act on."""

    text: str


@dataclass(frozen=True)
class Caution:
    """Something that works and that the user will want to change."""

    text: str


@dataclass(frozen=True)
class Summary:
    """The end of a build: the release's directory, whether it was there before, and what to tell the user."""

    directory: str
    found: bool
    lines: tuple[str, ...]


Event = StepStarted | StepOutput | StepFinished | StepReused | Transferred | Notice | Caution | Summary
Emit = Callable[[Event], None]
