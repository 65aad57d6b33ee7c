"""Shows what happens in the lab: a table that lives on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from builder.lab.events import Checked, Done, LabEvent, LoaderRead, PhaseBegan, PoweredOn, RackReady, Stopped
from builder.lab.page import FILE as PAGE
from builder.lab.phases import Phase
from builder.lab.report import LabReport

COLUMNS = ("node", "firmware", "loader", "phase", "seconds", "checks")


class Display(Protocol):
    """What shows the lab's events to a person."""

    def emit(self, event: LabEvent) -> None:
        """Show an event."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Leave the terminal to something else for a while."""

    def summary(self, report: LabReport, release: Path) -> None:
        """Show how it came out."""


@contextlib.contextmanager
def display() -> Iterator[Display]:
    """A table when standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    shown = LiveTable(Console(stderr=True, highlight=False))
    with shown.live:
        yield shown


class Lines:
    """One line an event, on standard error."""

    def emit(self, event: LabEvent) -> None:
        """Show an event."""
        print(text(event), file=sys.stderr, flush=True)  # noqa: T201

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Lines disturb nobody."""
        yield

    def summary(self, report: LabReport, release: Path) -> None:
        """Show how it came out."""
        print("\n".join(conclusion(report, release)), flush=True)  # noqa: T201


@dataclass
class _Row:
    firmware: str
    powered_on: float
    loader: str = ""
    phase: Phase | str = ""
    seconds: float | None = None
    passed: int = 0
    failed: int = 0


class LiveTable:
    """One row a node, whose seconds run until it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[str, _Row] = {}
        self._state = "starting the servers"
        self.live = Live(console=console, refresh_per_second=4, get_renderable=self.table)

    def table(self) -> Table:
        """How it stands."""
        table = Table(*COLUMNS, title=self._state, title_justify="left", box=None)
        for name, row in self._rows.items():
            seconds = time.monotonic() - row.powered_on if row.seconds is None else row.seconds
            checks = f"{row.passed} passed" + (f", [red]{row.failed} failed[/]" if row.failed else "")
            table.add_row(name, row.firmware, escape(row.loader), str(row.phase), f"{seconds:6.1f}", checks)
        return table

    def emit(self, event: LabEvent) -> None:
        """Show an event."""
        match event:
            case RackReady(seconds):
                self._state = f"servers up after {seconds:.1f} s"
            case PoweredOn(node, firmware):
                self._rows[node] = _Row(firmware, time.monotonic())
            case LoaderRead(node, loader):
                self._rows[node].loader = loader
            case PhaseBegan(node, phase):
                self._rows[node].phase = phase
            case Checked(node, result):
                self._rows[node].passed += result.passed
                self._rows[node].failed += not result.passed
                if not result.passed:
                    self._console.print(f"[red]{escape(text(event))}[/]")
            case Stopped():
                self._console.print(f"[red]{escape(text(event))}[/]")
            case Done(node, passed, seconds):
                self._rows[node].phase = "[green]passed[/]" if passed else "[red]failed[/]"
                self._rows[node].seconds = seconds

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Take the table away and put it back."""
        self.live.stop()
        try:
            yield
        finally:
            self.live.start()

    def summary(self, report: LabReport, release: Path) -> None:
        """Show how it came out."""
        self.live.stop()
        print("\n".join(conclusion(report, release)), flush=True)  # noqa: T201


def text(event: LabEvent) -> str:
    """An event in words."""
    match event:
        case RackReady(seconds):
            return f"servers up after {seconds:.1f} s"
        case PoweredOn(node, firmware):
            return f"{node:8} powered on, firmware {firmware}"
        case LoaderRead(node, loader):
            return f"{node:8} loads {loader}"
        case PhaseBegan(node, phase, seconds):
            return f"{node:8} {seconds:6.1f} s  {phase}"
        case Checked(node, result):
            return f"{node:8} {'passed' if result.passed else 'FAILED'}  {result.name}: {result.reason}"
        case Stopped(node, _, reason):
            return f"{node:8} FAILED  {reason}"
        case Done(node, passed, seconds):
            return f"{node:8} {seconds:6.1f} s  {'passed' if passed else 'FAILED'}"


def conclusion(report: LabReport, release: Path) -> list[str]:
    """The verdict, what is wrong, and where to read more."""
    lines = [f"Lab of {report.name} {report.version}: {report.verdict} ({report.seconds:.0f} s)"]
    lines += [report.problem] if report.problem else []
    for node in report.nodes:
        lines += [f"  {node.name}: {node.stopped.reason}"] if node.stopped else []
        lines += [f"  {node.name}: {check.name}: {check.reason}" for check in node.failed]
    return [*lines, f"Report: {release / PAGE}"]
