"""Timing: commands that run in turn, so that a machine whose speed drifts is unfair to none of them."""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

KEEP = ("HOME", "PATH", "http_proxy", "https_proxy", "no_proxy")
"""What a command finds in its environment beside its own settings."""


class CommandFailed(Exception):
    """A command that was to be timed failed: its time means nothing."""


@dataclass(frozen=True)
class Contestant:
    """A command to time.  `prepare` runs before each run of it and is not timed."""

    name: str
    argv: Sequence[str]
    prepare: Callable[[], object] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: Path = Path()

    @property
    def command(self) -> str:
        """The command, to be pasted."""
        settings = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*settings, shlex.join(self.argv)])


@dataclass(frozen=True)
class Run:
    """One run: seconds from start to end, processor seconds of all its processes, and the largest one's peak in MiB."""

    wall: float
    cpu: float
    peak_mib: float


@dataclass(frozen=True)
class Times:
    """The runs of one contestant."""

    name: str
    command: str
    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        """The median of the wall times, in seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def peak_mib(self) -> float:
        """The largest peak of any run, in MiB."""
        return max(run.peak_mib for run in self.runs)

    def ratio(self, other: Times) -> float:
        """The median of this one's time in units of the other's, round by round."""
        return statistics.median(mine.wall / its.wall for mine, its in zip(self.runs, other.runs, strict=True))


def contest(contestants: Sequence[Contestant], rounds: int, log: Path) -> dict[str, Times]:
    """Run all of them in turn, `rounds` times; what they write goes to `log`.

    :raises CommandFailed: one of them failed.
    """
    runs: dict[str, list[Run]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            runs[contestant.name].append(timed(contestant, log))
    return {each.name: Times(each.name, each.command, tuple(runs[each.name])) for each in contestants}


def timed(contestant: Contestant, log: Path) -> Run:
    """Run one of them once.

    :raises CommandFailed: its exit status is not 0; the end of what it wrote is in the error.
    """
    contestant.prepare()
    environment = {name: os.environ[name] for name in KEEP if name in os.environ} | dict(contestant.environment)
    with log.open("w") as output:
        began = time.monotonic()
        process = subprocess.Popen(
            contestant.argv,
            env={**environment, "LC_ALL": "C.UTF-8"},
            cwd=contestant.directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise CommandFailed(f"{contestant.name} ended with {process.returncode}: {contestant.command}\n{last}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
