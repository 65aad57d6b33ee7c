"""Events as a person and as a program read them."""

from __future__ import annotations

import io
import json
import typing

import pytest

from builder.cli.render import LOG_FORMATS, renderer, text
from builder.events import (
    Caution,
    Event,
    Notice,
    StepFinished,
    StepOutput,
    StepReused,
    StepStarted,
    Summary,
    Transferred,
)

EVENTS: tuple[Event, ...] = (
    Notice("Debian trixie as of today"),
    Caution("nobody can log in"),
    StepReused("pxegrub", "unchanged"),
    StepStarted("tree", "runs: packages: + vim"),
    StepOutput("tree", "I: [bold]unpacking[/bold]"),
    StepFinished("tree", 18.04),
    Transferred("upload", 1_500_000, 3_000_000, 0.5),
    Summary("output/kerrighed/1.0", False, ("Release kerrighed 1.0", "  12.2 MB  vmlinuz")),
)
Captured = pytest.CaptureFixture[str]


def show(log_format: str | None, *, verbose: bool = False) -> None:
    """Show every event."""
    with renderer(log_format, verbose) as emit:
        for event in EVENTS:
            emit(event)


def test_every_event_has_words() -> None:
    """No kind of event is forgotten by the renderer, nor by this test."""
    assert {type(event) for event in EVENTS} == set(typing.get_args(Event))
    assert all(text(event) for event in EVENTS)


def test_lines(capsys: Captured) -> None:
    """In a log, each step has a line when it starts and one with its time; the summary alone is on standard output."""
    show("lines")
    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "Debian trixie as of today",
        "caution: nobody can log in",
        "pxegrub        unchanged, reused",
        "tree           runs: packages: + vim",
        "tree           done in 18.0 s",
    ]
    assert out.splitlines() == ["Release kerrighed 1.0", "  12.2 MB  vmlinuz"]


def test_verbose_lines(capsys: Captured) -> None:
    """With --verbose, what the tools write is shown as well, under its step."""
    show("lines", verbose=True)
    assert "tree           | I: [bold]unpacking[/bold]" in capsys.readouterr().err.splitlines()


def test_json_lines(capsys: Captured) -> None:
    """Each event is one JSON object on a line of standard output, with its kind and its fields."""
    show("json")
    out, err = capsys.readouterr()
    objects = [json.loads(line) for line in out.splitlines()]
    assert [entry["event"] for entry in objects] == [type(event).__name__ for event in EVENTS]
    assert objects[3] == {"event": "StepStarted", "step": "tree", "reason": "runs: packages: + vim"}
    assert objects[-1]["directory"] == "output/kerrighed/1.0"
    assert err == ""


def test_live(capsys: Captured) -> None:
    """On a terminal, each finished step has one line with its time; nothing that a tool writes is markup."""
    show("live")
    out, err = capsys.readouterr()
    assert [line.split() for line in err.splitlines() if line.startswith("tree")] == [["tree", "18.0", "s"]]
    assert "pxegrub        unchanged, reused" in err
    assert out.splitlines() == ["Release kerrighed 1.0", "  12.2 MB  vmlinuz"]


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_default_is_live_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """Without a format, lines go to a log and the live display to a terminal."""
    show(None)
    assert "tree           runs: packages: + vim" in capsys.readouterr().err
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    show(None)
    assert "tree           done in" not in terminal.getvalue()
    assert set(LOG_FORMATS) == {"live", "lines", "json"}
