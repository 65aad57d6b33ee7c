"""Threads that work beside the main thread, and that Ctrl-C ends.

Python raises KeyboardInterrupt in the main thread between any two instructions, those of `threading` and
`concurrent.futures` included.  When it comes just after a condition's lock was taken, the lock stays taken, and the
thread that waits for the lock waits for ever ("Note on Signal Handlers and Exceptions" in the documentation of Python's
`signal`).  So the main thread touches these locks only while Ctrl-C is put off.  It waits at a SimpleQueue, which is
written in C and survives any interruption.
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
    """Put Ctrl-C off until the end of the block, which must be short.  Only the main thread ever gets Ctrl-C."""
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
    """A pool of threads."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def begin(self, do: Callable[[], Made]) -> Callable[[], Made]:
        """Have a thread call `do`; each call of the returned function waits, and returns or raises its result."""
        done: SimpleQueue[Future[Made]] = SimpleQueue()
        with undisturbed():
            self._pool.submit(do).add_done_callback(done.put)

        def result() -> Made:
            future = done.get()
            with undisturbed():
                done.put(future)  # for the next call
                return future.result()

        return result


@contextlib.contextmanager
def crew(size: int) -> Iterator[Crew]:
    """A pool of at most `size` threads.  The end of the block waits for their work."""
    with undisturbed():
        pool = ThreadPoolExecutor(size)
    try:
        yield Crew(pool)
    finally:
        with undisturbed():
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def beside(name: str, go_on: Callable[[Stopped], None]) -> Iterator[Check]:
    """Run `go_on` in a thread while the block runs; `go_on` must return soon after its argument returns true.

    The block gets a function that raises the thread's error, if any, for a block that waits for the thread's work.
    The end of the block raises the error at the latest, also when the block itself fails, since the error may be the
    reason.

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
    """The error that a thread raised, as an NfsrootError that begins with the thread's name."""
    if isinstance(error, NfsrootError):
        return NfsrootError(f"{name} failed: {error.brief}", details=error.details, resolution=error.resolution)
    place = "".join(traceback.format_tb(error.__traceback__)[-1:]).rstrip()
    return NfsrootError(f"{name} failed: {type(error).__name__}: {error}", details=place)
