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
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

Made = TypeVar("Made")
Stopped = Callable[[], bool]


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
def beside(name: str, go_on: Callable[[Stopped], None]) -> Iterator[None]:
    """A thread that goes on while the block runs: `go_on` returns soon after what it is given turns true."""
    stop = threading.Event()
    thread = threading.Thread(target=go_on, args=[stop.is_set], name=name, daemon=True)
    with undisturbed():
        thread.start()
    try:
        yield
    finally:
        with undisturbed():
            stop.set()
            thread.join()
