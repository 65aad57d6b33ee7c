"""A meter of the processor time of processes, read from /proc (proc_pid_stat(5))."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from builder.parallel import Stopped, beside

TICKS = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Process:
    """A process: its session, its start in ticks since the machine's start, and its processor time in seconds."""

    session: int
    started: int
    seconds: float


def read_process(directory: Path) -> Process | None:
    """Read the process of a directory in /proc; None when the process has ended."""
    try:
        text = (directory / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # The name, in parentheses, may have spaces; field 3 comes after it.
    return Process(int(fields[3]), int(fields[19]), (int(fields[11]) + int(fields[12])) / TICKS)


def read_child_seconds(process: Popen[bytes]) -> float | None:
    """Read the processor time, in seconds, of the only child of `process`; None when the child has ended."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = read_process(Path("/proc", children[0])) if children else None
    return found.seconds if found else None


class Meter:
    """A meter that remembers the processor time of processes after they have ended; `proc` is the directory /proc.

    in.tftpd forks a child for each file and ignores SIGCHLD, so that the kernel does not add a child's time to its own.
    The time that a process used after the last measurement is missing.
    """

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._seen: dict[tuple[int, int], Process] = {}

    def measure(self) -> None:
        """Record the processor time of every process."""
        for directory in self._proc.glob("[0-9]*"):
            if found := read_process(directory):
                self._seen[int(directory.name), found.started] = found

    def seconds(self, session: int) -> float:
        """Sum the processor time, in seconds, of all processes of a session."""
        return sum(process.seconds for process in list(self._seen.values()) if process.session == session)


@contextmanager
def run_meter(meter: Meter) -> Iterator[None]:
    """Let `meter` measure ten times a second, in a thread."""

    def look(stopped: Stopped) -> None:
        while not stopped():
            meter.measure()
            time.sleep(LOOK_SECONDS)

    with beside("the meter of the servers' processor time", look):
        yield
