"""Runs nfsroot-site and kills it before the Nth thing that it does to files, as Python's audit events count them.

Usage: killed_site.py N ARGUMENTS; with N = 0 it is not killed, and the number of these things is the last line of
standard error.
"""

from __future__ import annotations

import os
import signal
import sys

from builder.cli.site import main

CHANGING = frozenset(
    f"os.{name}" for name in ("rename", "remove", "rmdir", "mkdir", "symlink", "link", "truncate", "chmod", "unlink")
)
"""Audit events of what changes directories (Python library reference, "Audit events table")."""


def count(place: int) -> list[int]:
    """Count changes of files from now on, and kill this process before the one with the number `place`."""
    seen = [0]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE != os.O_RDONLY
        if event in CHANGING or is_write:
            seen[0] += 1
            if seen[0] == place:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return seen


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # what Python writes for itself is not counted
    wanted = int(sys.argv.pop(1))
    found = count(wanted)
    try:
        main()
    finally:
        sys.stderr.write(f"{found[0]}\n")
