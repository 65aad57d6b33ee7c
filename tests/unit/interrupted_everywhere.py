"""Interrupts a crew at each place where Python may: at every line that the main thread runs, the library's included.

Writes how many places these were, and ends with an error when the interruption was lost at one of them.  Finalizers
of weak references are left out: Python drops what is raised there, and no program can help it.
"""

from __future__ import annotations

import itertools
import signal
import sys
from types import FrameType
from typing import Any

from builder.parallel import beside, crew

DONE = []


def work() -> None:
    """What uses threads."""
    with beside("other", lambda stopped: stopped() and None), crew(2) as workers:
        for result in [workers.begin(lambda number=number: number + 1) for number in range(2)]:
            result()
    DONE.append(True)


def interrupted_at(place: int) -> bool:
    """Whether the work has so many places; it is interrupted at this one."""
    left = place

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal left
        if event == "line" and "weakref" not in frame.f_code.co_filename:
            left -= 1
            if left == 0:
                signal.raise_signal(signal.SIGINT)
        return trace

    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(None)
    if left <= 0:
        sys.exit(f"the interruption at place {place} was lost")
    return False


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs in the background of a shell ignores it
    places = next(place for place in itertools.count(1) if not interrupted_at(place))
    sys.stdout.write(str(places - 1))
