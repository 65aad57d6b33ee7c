"""Runs nfsroot-site and kills it before the Nth call within one part of the verb: a clone, or a fetch.

Usage: killed_inside.py clone|fetch N ARGUMENTS; with N = 0 it is not killed, and the number of these calls is the last
line of standard error.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from builder.cli.site import main
from builder.store.transfer import Progress

PLACES: dict[str, tuple[tuple[Any, str], ...]] = {
    "clone": ((fcntl, "ioctl"), (os, "fchown"), (os, "fchmod"), (os, "utime")),
    "fetch": ((Progress, "add"),),
}
"""The functions that are called within each part: those that make a clone, and the one that counts fetched pieces."""


class Moments:
    """Counts calls, and kills this process before the one with the number `moment`."""

    def __init__(self, moment: int) -> None:
        self.moment = moment
        self.counted = 0
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def within(self, do: Callable[..., Any]) -> Callable[..., Any]:
        """The function with a count before each call."""

        def act(*arguments: Any, **named: Any) -> Any:
            if isinstance(arguments[0], Progress) and arguments[0].step != "download":
                return do(*arguments, **named)
            with self._lock:
                self.counted = next(self._numbers)
                if self.counted == self.moment:
                    os.kill(os.getpid(), signal.SIGKILL)
            return do(*arguments, **named)

        return act


if __name__ == "__main__":
    moments = Moments(int(sys.argv.pop(2)))
    for owner, name in PLACES[sys.argv.pop(1)]:
        setattr(owner, name, moments.within(getattr(owner, name)))
    try:
        main()
    finally:
        sys.stderr.write(f"{moments.counted}\n")
