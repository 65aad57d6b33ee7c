"""The events of a build.  `builder.cli.render` shows them to the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class StepStarted:
    """A step begins to run; `reason` says in words why it must."""

    step: str
    reason: str


@dataclass(frozen=True)
class StepOutput:
    """A tool that runs for a step wrote one line."""

    step: str
    line: str


@dataclass(frozen=True)
class StepFinished:
    """A step has run, in so many seconds."""

    step: str
    seconds: float


@dataclass(frozen=True)
class StepReused:
    """A step does not run, because its object is in the cache."""

    step: str
    reason: str


@dataclass(frozen=True)
class Transferred:
    """The progress of a transfer over the network or to a disk: bytes done, bytes in total, seconds since its start."""

    step: str
    done: int
    total: int
    seconds: float


@dataclass(frozen=True)
class Notice:
    """A message that the user should know and need not act on."""

    text: str


@dataclass(frozen=True)
class Caution:
    """A warning: the build works, but the user will want to change something."""

    text: str


@dataclass(frozen=True)
class Summary:
    """The end of a build: the release's directory, whether the release existed before, and lines for the user."""

    directory: str
    found: bool
    lines: tuple[str, ...]


Event = StepStarted | StepOutput | StepFinished | StepReused | Transferred | Notice | Caution | Summary
Emit = Callable[[Event], None]
