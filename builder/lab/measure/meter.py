"""The processor time of processes, including those that have ended (proc_pid_stat(5))."""

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
    """A process: its session, its start (ticks since the machine's), and its processor time in seconds."""

    session: int
    started: int
    seconds: float


def read_process(directory: Path) -> Process | None:
    """The process of a directory in /proc; None when the process has ended."""
    try:
        text = (directory / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # The name, in parentheses, may have spaces; field 3 comes after it.
    return Process(int(fields[3]), int(fields[19]), (int(fields[11]) + int(fields[12])) / TICKS)


def read_child_seconds(process: Popen[bytes]) -> float | None:
    """The processor time, in seconds, of the only child of `process`; None when the child has ended."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    found = read_process(Path("/proc", children[0])) if children else None
    return found.seconds if found else None


class Meter:
    """A meter of the processes in a /proc.

    in.tftpd has a child for each file and lets the kernel forget it (SIGCHLD ignored), so that nobody can ask for the
    children's time afterwards.  When a process has ended, the time that it used after the last look is missing.
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
        """The processor time, in seconds, of the processes of a session."""
        return sum(process.seconds for process in list(self._seen.values()) if process.session == session)


@contextmanager
def run_meter(meter: Meter) -> Iterator[None]:
    """Let `meter` look ten times a second, in a thread."""

    def look(stopped: Stopped) -> None:
        while not stopped():
            meter.measure()
            time.sleep(LOOK_SECONDS)

    with beside("the meter of the servers' processor time", look):
        yield
