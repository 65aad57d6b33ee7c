from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.lab.events import LabEvent
from builder.lab.machine.agent import Answer
from builder.lab.story.commands import Commands, Place, find_programs, list_shared_directories
from builder.lab.story.services import SCRIPT


def commands(status: int, typed: list[Sequence[str]], events: list[LabEvent]) -> Commands:
    """Commands on a server where every one ends with this status."""

    def run(argv: Sequence[str]) -> Answer:
        typed.append(argv)
        return Answer(status, "said")

    place = Place(run, Path("/opt/bin"))
    return Commands(place, place, events.append)


def test_command_is_told() -> None:
    """A command runs with a home of its own, and is told as somebody would type it."""
    typed: list[Sequence[str]] = []
    events: list[LabEvent] = []
    ran = commands(0, typed, events).site("switch", "debian", "1.0", "--nodes", "ssi[1-2]")
    assert typed[0][:2] == ["env", "HOME=/root"]
    assert typed[0][-5:] == ["switch", "debian", "1.0", "--nodes", "ssi[1-2]"]
    assert (ran.command, ran.output) == ("nfsroot-site switch debian 1.0 --nodes 'ssi[1-2]'", "said")
    assert events == [ran]


def test_command_that_fails() -> None:
    """A command that must succeed and does not ends the scene with what it said; another one may fail."""
    failing = commands(3, [], [])
    with pytest.raises(NfsrootError) as caught:
        failing.site("unpack", "debian@1.0")
    assert str(caught.value) == "nfsroot-site unpack debian@1.0 failed with exit status 3\nsaid"
    assert failing.try_site("unpack", "debian@1.0").status == 3
    with pytest.raises(NfsrootError, match="cat /x failed"):
        failing.ask("cat", "/x")


def test_builder_and_server() -> None:
    """nfsroot is typed at the builder and nfsroot-site on the server, each with the programs of its place."""
    asked: list[tuple[str, str]] = []

    def at(place: str) -> Place:
        def run(argv: Sequence[str]) -> Answer:
            asked.append((place, next(word for word in argv if "/" in word and "=" not in word)))
            return Answer(0, "")

        return Place(run, Path(f"/{place}"))

    typed = Commands(at("builder"), at("server"), lambda _: None)
    typed.nfsroot("publish", "A")
    typed.site("unpack", "A")
    typed.ask("cat", "/x")
    typed.ask_builder("cat", "/y")
    assert asked == [
        ("builder", "/builder/nfsroot"), ("server", "/server/nfsroot-site"), ("server", "/x"), ("builder", "/y"),
    ]  # fmt: skip


def test_programs_are_shared() -> None:
    """The directories that a machine gets hold the programs and Python, and none holds another."""
    shared = list_shared_directories()
    assert all(os.access(find_programs() / name, os.X_OK) for name in ("nfsroot", "nfsroot-site"))
    for needed in (find_programs(), (find_programs() / "python").resolve()):
        assert any(needed.is_relative_to(each) for each in (*shared, Path("/usr")))
    assert not any(one != other and one.is_relative_to(other) for one in shared for other in shared)


def test_service_script_is_shell() -> None:
    """shellcheck(1) has nothing to say about the script that starts daemons."""
    subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPT, text=True, check=True)
