"""The display of the lab's events: a live table on a terminal, and lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from builder.cli.output import write
from builder.lab.events import (
    CaseBegan,
    Checked,
    Claimed,
    Done,
    LabEvent,
    LoaderRead,
    PhaseBegan,
    PoweredOn,
    RackReady,
    Ran,
    Rebooting,
    SceneBegan,
    Stopped,
    Struck,
)
from builder.lab.report.html import FILE as PAGE
from builder.lab.report.report import CellReport, LabReport
from builder.lab.vocabulary.phase import Phase

COLUMNS = ("release", "firmware, NIC", "DHCP, TFTP", "node", "loader", "phase", "seconds", "checks")


class Display(Protocol):
    """A display of the lab's events."""

    def emit(self, event: LabEvent) -> None:
        """Show an event."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Leave the terminal to another program during the block."""

    def summary(self, reports: Sequence[tuple[Path, LabReport]]) -> None:
        """Print the verdict of each test case."""


@contextlib.contextmanager
def display() -> Iterator[Display]:
    """Open a display: a live table if standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield Lines()
        return
    shown = LiveTable(Console(stderr=True, highlight=False))
    with shown.live:
        yield shown


class Lines:
    """A display that writes a line for each event to standard error."""

    def emit(self, event: LabEvent) -> None:
        """Show an event."""
        write(describe(event), err=True)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Do nothing, since another program may write between two lines."""
        yield

    def summary(self, reports: Sequence[tuple[Path, LabReport]]) -> None:
        """Print the verdict of each test case."""
        write("\n".join(conclude(reports)))


@dataclass
class _Row:
    node: str
    powered_on: float
    loader: str = ""
    phase: Phase | str = ""
    seconds: float | None = None
    passed: int = 0
    failed: int = 0


class LiveTable:
    """A live table with a row for each node of each test case."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._cases: list[tuple[CaseBegan, list[_Row]]] = []
        self._state = "starting the servers"
        self.live = Live(console=console, refresh_per_second=4, get_renderable=self.table)

    def table(self) -> Table:
        """Draw the table with the present state of each node."""
        table = Table(*COLUMNS, title=self._state, title_justify="left", box=None)
        for case, rows in self._cases:
            for row in rows:
                seconds = time.monotonic() - row.powered_on if row.seconds is None else row.seconds
                checks = f"{row.passed} passed" + (f", [red]{row.failed} failed[/]" if row.failed else "")
                tried = (case.release, f"{case.firmware}, {case.nic}", f"{case.dhcp}, {case.tftp}")
                table.add_row(*tried, row.node, escape(row.loader), str(row.phase), f"{seconds:6.1f}", checks)
        return table

    def emit(self, event: LabEvent) -> None:
        """Show an event."""
        match event:
            case CaseBegan():
                self._cases.append((event, []))
                self._state = "starting the servers"
            case RackReady(seconds):
                self._state = f"servers up after {seconds:.1f} s"
            case PoweredOn(node):
                self._cases[-1][1].append(_Row(node, time.monotonic()))
            case Struck():
                self._console.print(escape(describe(event)))
            case LoaderRead(node, loader):
                self._row(node).loader = loader
            case PhaseBegan(node, phase):
                self._row(node).phase = phase
            case Checked(node, result):
                self._row(node).passed += result.passed
                self._row(node).failed += not result.passed
                if not result.passed:
                    self._console.print(f"[red]{escape(describe(event))}[/]")
            case Rebooting(node):
                self._row(node).phase = "reboot"
            case Stopped():
                self._console.print(f"[red]{escape(describe(event))}[/]")
            case Done(node, passed, seconds):
                self._row(node).phase = "[green]passed[/]" if passed else "[red]failed[/]"
                self._row(node).seconds = seconds

    def _row(self, node: str) -> _Row:
        """Find the row of a node in the test case that runs."""
        return next(row for row in self._cases[-1][1] if row.node == node)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the table from the terminal during the block."""
        self.live.stop()
        try:
            yield
        finally:
            self.live.start()

    def summary(self, reports: Sequence[tuple[Path, LabReport]]) -> None:
        """Print the verdict of each test case."""
        self.live.stop()
        write("\n".join(conclude(reports)))


def describe(event: LabEvent) -> str:
    """Describe an event in a line."""
    match event:
        case CaseBegan(release, firmware, nic, dhcp, tftp, nfs, server):
            served = f"DHCP by {dhcp}, TFTP by {tftp}, NFS by {nfs}, in a {server}"
            return f"{release}: firmware {firmware}, NIC {nic}, {served}"
        case RackReady(seconds):
            return f"servers up after {seconds:.1f} s"
        case PoweredOn(node):
            return f"{node:8} powered on"
        case Struck(node, done):
            return f"{node:8} fault: {done}"
        case LoaderRead(node, loader):
            return f"{node:8} loads {loader}"
        case PhaseBegan(node, phase, seconds):
            return f"{node:8} {seconds:6.1f} s  {phase}"
        case Checked(node, result):
            return f"{node:8} {'passed' if result.passed else 'FAILED'}  {result.name}: {result.reason}"
        case Rebooting(node):
            return f"{node:8} reboots"
        case Stopped(node, _, reason):
            return f"{node:8} FAILED  {reason}"
        case SceneBegan(name, title):
            return f"== {name}: {title}"
        case Ran(command, status, _, seconds):
            return f"# {command}  ({seconds:.1f} s, exit status {status})"
        case Claimed(_, result):
            return f"{'passed' if result.passed else 'FAILED'}  {result.name}: {result.reason}"
        case Done(node, passed, seconds):
            return f"{node:8} {seconds:6.1f} s  {'passed' if passed else 'FAILED'}"


def conclude(reports: Sequence[tuple[Path, LabReport]]) -> list[str]:
    """List the verdict on each release, its failures, and the path of its report; releases come with directories."""
    lines = []
    for release, report in reports:
        lines.append(f"Lab of {report.name} {report.version}: {report.verdict} ({report.seconds:.0f} s)")
        lines += [line for cell in report.cells for line in _list_failures(cell, report.started)]
        lines.append(f"Report: {release / PAGE}")
    return lines


def _list_failures(cell: CellReport, began: datetime) -> Iterator[str]:
    """Yield lines about the failures of a test case; a test case of an earlier run has its date."""
    if cell.passed:  # its nodes may have failed to boot because of a fault, as they should
        return
    what = f"{', '.join(cell.asked)}, firmware {cell.firmware}, NIC {cell.nic}"
    when = "" if cell.started >= began else f" (on {cell.started:%Y-%m-%d %H:%M} UTC, and not tried since)"
    served = f"DHCP by {cell.dhcp}, TFTP by {cell.tftp}, NFS by {cell.nfs}, in a {cell.server}"
    yield f"  {what}, {served}{when}:"
    if cell.problem:
        yield f"  {cell.problem}"
    for node in cell.nodes:
        if node.stopped:
            yield f"  {node.name}: {node.stopped.reason}"
        for check in node.failed:
            yield f"  {node.name}: {check.name}: {check.reason}"
