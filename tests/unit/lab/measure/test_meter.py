from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from builder.lab.measure import meter
from builder.lab.measure.meter import Meter, run_meter

BUSY = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", {BUSY!r} + "time.sleep(0.3)"])
input()
"""


def stat(directory: Path, pid: int, session: int, ticks: int, started: int = 1) -> None:
    """A process as /proc has it, with a name that tries to look like other fields."""
    (directory / str(pid)).mkdir(exist_ok=True)
    fields = ["S", "1", "1", str(session), *["0"] * 7, str(ticks), str(ticks), *["0"] * 6, str(started), "0"]
    (directory / str(pid) / "stat").write_text(f"{pid} (a) S 9 9 (b) {' '.join(fields)}")


def test_ended_processes_count(tmp_path: Path) -> None:
    """What a process had used when it was last seen goes on to count, also when another has its number."""
    watched = Meter(tmp_path)
    stat(tmp_path, 7, session=7, ticks=meter.TICKS)
    stat(tmp_path, 8, session=7, ticks=2 * meter.TICKS)
    stat(tmp_path, 9, session=9, ticks=meter.TICKS)
    watched.measure()
    stat(tmp_path, 8, session=7, ticks=3 * meter.TICKS, started=2)
    watched.measure()
    assert (watched.seconds(7), watched.seconds(9), watched.seconds(1)) == (2 + 4 + 6, 2, 0)


def test_child_that_nobody_waits_for() -> None:
    """The time of a child that the kernel forgets when it ends counts for its session, as in.tftpd's do."""
    watched = Meter(Path("/proc"))
    command = [sys.executable, "-c", PARENT]
    with run_meter(watched), subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as parent:
        deadline = time.monotonic() + 20
        while watched.seconds(parent.pid) < 0.25 and time.monotonic() < deadline:
            time.sleep(0.05)
        parent.communicate(b"\n")
    assert watched.seconds(parent.pid) >= 0.25


def test_only_child_of_a_process() -> None:
    """A starter's child is found and its time read; when it has ended there is none."""
    script = ["sh", "-c", 'python3 -c "$1"; :', "sh", BUSY + "print(flush=True)\ninput()"]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        starter.stdout.readline()
        assert (meter.read_child_seconds(starter) or 0.0) >= 0.1
        starter.communicate(b"\n")
        assert meter.read_child_seconds(starter) is None
    assert meter.read_process(Path(f"/proc/{os.getpid()}")) is not None
