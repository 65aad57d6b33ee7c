"""Work that goes on side by side, in threads, and that Ctrl-C ends.

Python raises KeyboardInterrupt in the main thread between any two of its own instructions, those of `threading` and
`concurrent.futures` included: one that comes when a condition's lock was just taken leaves it taken, and the thread
that waits for it waits for ever ("Note on Signal Handlers and Exceptions" in the documentation of Python's `signal`).
So the main thread touches such locks only while Ctrl-C is put off, and waits at a queue that is made in C, which any
interruption leaves whole.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from builder.errors import NfsrootError

Made = TypeVar("Made")
Stopped = Callable[[], bool]
Check = Callable[[], None]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits for the end of the block, which is to be short.  Threads but the main one never see it anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted = False

    def note(*_: object) -> None:
        nonlocal interrupted
        interrupted = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if interrupted:
            signal.raise_signal(signal.SIGINT)


class Crew:
    """Threads that do work beside the one that begins it."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def begin(self, do: Callable[[], Made]) -> Callable[[], Made]:
        """Have a thread do it; what is returned waits for that, and gives or raises what it gave or raised."""
        done: SimpleQueue[Future[Made]] = SimpleQueue()
        with undisturbed():
            self._pool.submit(do).add_done_callback(done.put)

        def result() -> Made:
            future = done.get()
            with undisturbed():
                return future.result()

        return result


@contextlib.contextmanager
def crew(size: int) -> Iterator[Crew]:
    """`size` threads at most, whose work has ended when the block is left."""
    with undisturbed():
        pool = ThreadPoolExecutor(size)
    try:
        yield Crew(pool)
    finally:
        with undisturbed():
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def beside(name: str, go_on: Callable[[Stopped], None]) -> Iterator[Check]:
    """A thread that goes on while the block runs: `go_on` returns soon after what it is given turns true.

    The block gets a function that raises what the thread has raised, for a block that waits for what the thread does.
    The end of the block raises it at the latest, also when the block itself fails: that may be why.

    :raises NfsrootError: the thread failed.
    """
    stop = threading.Event()
    failures: list[Exception] = []

    def go_on_and_note_failure() -> None:
        try:
            go_on(stop.is_set)
        except Exception as error:
            failures.append(error)

    def check() -> None:
        if failures:
            raise _failure(name, failures[0]) from failures[0]

    thread = threading.Thread(target=go_on_and_note_failure, name=name, daemon=True)
    with undisturbed():
        thread.start()
    try:
        try:
            yield check
        finally:
            with undisturbed():
                stop.set()
                thread.join()
    except Exception:
        check()
        raise
    check()


def _failure(name: str, error: Exception) -> NfsrootError:
    """An error that a thread raised, with the thread's name."""
    if isinstance(error, NfsrootError):
        return NfsrootError(f"{name} failed: {error.brief}", details=error.details, resolution=error.resolution)
    place = "".join(traceback.format_tb(error.__traceback__)[-1:]).rstrip()
    return NfsrootError(f"{name} failed: {type(error).__name__}: {error}", details=place)
