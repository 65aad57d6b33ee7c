"""What a build may leave behind on its machine: processes and mounts."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SECONDS_TO_VANISH = 10.0


def adopt_orphans() -> None:
    """Become the parent of every orphan among one's descendants (prctl(2)), so that none goes unseen."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


@dataclass(frozen=True)
class Traces:
    """The processes below this one, and the mounts below some directory."""

    processes: frozenset[str]
    mounts: frozenset[str]

    @classmethod
    def now(cls, directory: Path) -> Traces:
        """What there is now."""
        return cls(frozenset(_children()), frozenset(_mounts(directory)))

    def assert_unchanged(self, directory: Path) -> None:
        """Nothing has joined; what was killed a moment ago gets a moment to go."""
        end = time.monotonic() + SECONDS_TO_VANISH
        while (now := Traces.now(directory)).processes > self.processes and time.monotonic() < end:
            time.sleep(0.1)
        left = (now.processes - self.processes, now.mounts - self.mounts)
        assert not any(left), left


def _children() -> list[str]:
    """Living children of this process, as `PID (COMMAND)` (proc_pid_stat(5)); dead orphans are buried."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = file.read_text().rsplit(")", 1)
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = rest.split()[:2]
        if int(parent) == os.getpid():
            if state == "Z":
                os.waitpid(int(file.parent.name), 0)
            else:
                found.append(f"{name})")
    return found


def _mounts(directory: Path) -> list[str]:
    """Mount points below `directory` (proc_pid_mountinfo(5))."""
    points = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    return [point for point in points if Path(point).is_relative_to(directory)]
