"""Work side by side, and Ctrl-C in the midst of it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.parallel import beside, crew

SECONDS = 120
MANY = 50


def test_what_threads_gave_comes_in_the_order_asked() -> None:
    """Each result is that of its own work, however many threads there are."""
    with crew(2) as workers:
        results = [workers.begin(lambda number=number: number**2) for number in range(20)]
        assert [result() for result in results] == [number**2 for number in range(20)]


def test_a_result_can_be_asked_for_again() -> None:
    """Each call of the function that `begin` returns gives the same result of the thread, or raises the same error."""
    with crew(1) as workers:
        made, failed = workers.begin(object), workers.begin(lambda: 1 / 0)
        assert made() is made()
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                failed()


def test_what_a_thread_raised_is_raised_where_its_result_is_wanted() -> None:
    """An error reaches the one who waits, and the crew is dismissed."""
    with pytest.raises(ZeroDivisionError), crew(1) as workers:
        workers.begin(lambda: 1 / 0)()
    assert threading.active_count() == 1


def test_a_thread_beside_ends_with_the_block() -> None:
    """It is told to stop, and has stopped when the block is left."""
    turns = []

    def go_on(stopped: object) -> None:
        assert callable(stopped)
        while not stopped():
            turns.append(True)

    with beside("turning", go_on):
        while not turns:
            pass
    ended = len(turns)
    assert threading.active_count() == 1
    assert len(turns) == ended


def fail(_stopped: object) -> None:
    """Stand for a thread with a mistake."""
    raise ValueError("blksize abc")


def test_a_thread_beside_that_fails_ends_the_block() -> None:
    """What a thread raised is raised at the end of the block, with the thread's name and the place."""
    with pytest.raises(NfsrootError) as caught, beside("the capture", fail):
        pass
    assert caught.value.brief == "the capture failed: ValueError: blksize abc"
    assert "test_parallel.py" in caught.value.details
    assert isinstance(caught.value.__cause__, ValueError)
    assert threading.active_count() == 1


def test_a_block_can_ask_whether_its_thread_goes_on() -> None:
    """A block that would wait in vain learns that its thread has failed; while that goes on it learns nothing."""
    with pytest.raises(NfsrootError, match="the capture failed"), beside("the capture", fail) as check:
        while True:
            check()
    with beside("the capture", lambda _stopped: None) as check:
        check()


def test_a_block_that_fails_after_its_thread_names_the_thread() -> None:
    """A node that seems to hang because nobody looks any more is no fault of the node's."""
    with pytest.raises(NfsrootError, match="the capture failed"), beside("the capture", fail):
        raise NfsrootError("ssi1 hung")
    with pytest.raises(NfsrootError, match="ssi1 hung"), beside("the capture", lambda _stopped: None):
        raise NfsrootError("ssi1 hung")
    with pytest.raises(KeyboardInterrupt), beside("the capture", fail):
        raise KeyboardInterrupt


def test_an_interruption_is_neither_lost_nor_waits_for_ever() -> None:
    """Ctrl-C at any line that the main thread runs, those of Python's own library included, ends the work.

    That can be seen in the background of a shell, too, where SIGINT is ignored.
    """
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    done = subprocess.run(
        [*ignoring, sys.executable, Path(__file__).with_name("interrupted_everywhere.py")],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > MANY
