"""Where a step works: in memory, or on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from recording_engine import RecordingEngine

from builder import workspace
from builder.cache import Cache
from builder.container.engine import Room
from builder.errors import NfsrootError, NoSpaceError
from builder.events import Event, StepStarted
from builder.process import OnLine
from builder.workspace import MIB_TO_SPARE, Workspace

FULL = "dpkg: error processing archive: failed to write (No space left on device)"
APT_IS_FULL = "E: You don't have enough free space in /scratch/archives/."


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where a step leaves what it makes."""
    directory = tmp_path / "step"
    directory.mkdir()
    return directory


@pytest.fixture
def rooms(
    tmp_path: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[list[Room], list[Event]]]:
    """Has a step of 300 MiB find room where memory has so much to spare; gives the rooms in which it worked.

    In memory it leaves a file and fails with a line, if one is given.
    """

    def found(spare: int, line: str | None = None) -> tuple[list[Room], list[Event]]:
        monkeypatch.setattr(workspace, "available_mib", lambda: spare + MIB_TO_SPARE)
        events: list[Event] = []
        at_work: list[Room] = []

        def work(room: Room, on_line: OnLine) -> None:
            at_work.append(room)
            assert list(output.iterdir()) == []
            if line and room.directory is None:
                (output / "half").mkdir()
                (output / "half/file").write_text("half of it")
                (output / "link").symlink_to("half")
                on_line(line)
                on_line("and more")
                raise NfsrootError("it failed")

        made = Workspace(Cache(tmp_path / "cache"), RecordingEngine(), tmp_path, events.append)
        made.find_room("tree", 300, output, work, lambda _line: None)
        return at_work, events

    return found


def test_room_in_memory(rooms: Callable[..., tuple[list[Room], list[Event]]]) -> None:
    """Where memory has what the step takes it works there, and may take all that there is to spare."""
    assert rooms(9000) == ([Room(9000)], [])


def test_room_on_disk(rooms: Callable[..., tuple[list[Room], list[Event]]], tmp_path: Path) -> None:
    """Where memory has not what the step takes it works in a directory of the cache, of no limit of ours."""
    (room,), events = rooms(299)
    assert room.directory and room.directory.is_relative_to(tmp_path / "cache")
    assert not room.directory.exists()
    assert events == []


@pytest.mark.parametrize("line", [FULL, APT_IS_FULL])
def test_memory_that_is_too_small(rooms: Callable[..., tuple[list[Room], list[Event]]], line: str) -> None:
    """A step that fills memory begins anew on disk, with nothing of its first try, and that is told."""
    (first, second), events = rooms(400, line)
    assert (first, second.directory is None) == (Room(400), False)
    assert events == [StepStarted("tree", "runs: anew, on disk, since 400 MiB of memory were too little")]


def test_other_failure(rooms: Callable[..., tuple[list[Room], list[Event]]]) -> None:
    """A step that fails for another reason fails at once."""
    with pytest.raises(NfsrootError, match="it failed"):
        rooms(400, "E: Broken packages")


def test_full_disk(rooms: Callable[..., tuple[list[Room], list[Event]]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that fails because the disk is full, where it leaves what it makes, does not begin anew there."""
    monkeypatch.setattr(Cache, "free_mib", lambda _cache: 0)
    with pytest.raises(NfsrootError, match="it failed"):
        rooms(400, FULL)


def test_error_of_a_full_disk(tmp_path: Path) -> None:
    """A cache that is full is an error of a kind of its own."""
    with pytest.raises(NoSpaceError, match="no space left for the cache"), Cache(tmp_path / "cache").work("tree"):
        raise OSError(28, "No space left on device")
