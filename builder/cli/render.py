"""Shows the events of a build: live on a terminal, as plain lines, or as one JSON object a line."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from builder.cli.output import write
from builder.events import (
    Caution,
    Emit,
    Event,
    Notice,
    StepFinished,
    StepOutput,
    StepReused,
    StepStarted,
    Summary,
    Transferred,
)

LOG_FORMATS = ("live", "lines", "json")


@contextlib.contextmanager
def renderer(log_format: str | None, verbose: bool) -> Iterator[Emit]:
    """A display of events in a format; without one, live where standard error is a terminal, and lines elsewhere."""
    if log_format is None:
        log_format = "live" if sys.stderr.isatty() and not verbose else "lines"
    if log_format == "json":
        yield _json
    elif log_format == "live":
        with _live() as emit:
            yield emit
    else:
        yield lambda event: _line(event, verbose)


def _json(event: Event) -> None:
    write(json.dumps({"event": type(event).__name__, **asdict(event)}, default=str))


def _line(event: Event, verbose: bool) -> None:
    if not isinstance(event, StepOutput | Transferred) or verbose:
        write(text(event), err=not isinstance(event, Summary))


def text(event: Event) -> str:
    """An event in words."""
    match event:
        case StepStarted(step, reason):
            return f"{step:14} {reason}"
        case StepOutput(step, line):
            return f"{step:14} | {line}"
        case StepFinished(step, seconds):
            return f"{step:14} done in {seconds:.1f} s"
        case StepReused(step, reason):
            return f"{step:14} {reason}, reused"
        case Transferred(step, done, total, seconds):
            return f"{step:14} {progress(done, total, seconds)}"
        case Notice(words):
            return words
        case Caution(words):
            return f"caution: {words}"
        case Summary(_, _, lines):
            return "\n".join(lines)


def progress(done: int, total: int, seconds: float) -> str:
    """The progress of a transfer in words: bytes moved, their rate, and the time that is left at that rate."""
    rate = done / seconds if seconds else 0.0
    left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
    return f"{size_in_words(done)} of {size_in_words(total)}, {size_in_words(rate)}/s{left}"


def size_in_words(size: float) -> str:
    """A number of bytes in kB, MB or GB (SI prefixes)."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"


@contextlib.contextmanager
def _live() -> Iterator[Emit]:
    """Show one line for each step on a terminal: its work while it runs, and the seconds it took when it is done."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, highlight=False)
    with console.status("") as status:

        def emit(event: Event) -> None:
            match event:
                case StepStarted(step, reason):
                    status.update(f"[bold]{step:14}[/] {escape(reason)}")
                case StepOutput(step, line):
                    status.update(f"[bold]{step:14}[/] {escape(line[: console.width - 20])}")
                case Transferred(step, done, total, seconds):
                    status.update(f"[bold]{step:14}[/] {progress(done, total, seconds)}")
                case StepFinished(step, seconds):
                    console.print(f"[green]{step:14}[/] {seconds:6.1f} s")
                case StepReused(step, reason):
                    console.print(f"[green]{step:14}[/] {escape(reason)}, reused", style="dim")
                case Caution():
                    console.print(escape(text(event)), style="yellow")
                case Summary():
                    status.stop()
                    write(text(event))
                case Notice():
                    console.print(escape(text(event)), style="dim")

        yield emit
