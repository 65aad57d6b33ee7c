"""The lab's namespace disappears with the process that made it."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from builder.lab.machine.namespace import create_namespace

pytestmark = pytest.mark.boot

MAKER = """
import sys, time
from pathlib import Path
from builder.lab.machine.namespace import create_namespace
with create_namespace("server", {"/scratch": Path(sys.argv[1])}, tmpfs=["/srv"]) as inside:
    inside.run(["ip", "link", "add", "cluster0", "type", "bridge"])
    inside.start(["sleep", "600"], Path(sys.argv[1], "log"))
    print(inside.init, flush=True)
    time.sleep(600)
"""
SECONDS_TO_VANISH = 10.0


def _mount_namespace(pid: str) -> str:
    return str(Path(f"/proc/{pid}/ns/mnt").readlink())


def _inhabitants(namespace: str) -> list[str]:
    """The processes of this machine in a mount namespace."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if _mount_namespace(process.name) == namespace:
                found.append(process.name)
        except OSError:
            continue  # It ended while we looked, or is none of ours.
    return found


def test_a_killed_process_leaves_nothing(tmp_path: Path) -> None:
    """After SIGKILL of the process that created a namespace, no process is left in it."""
    maker = subprocess.Popen([sys.executable, "-c", MAKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None
    namespace = _mount_namespace(maker.stdout.readline().strip())
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while len(_inhabitants(namespace)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(_inhabitants(namespace)) >= 2, "its init, and what was started in it"
    maker.kill()
    maker.wait()
    deadline = time.monotonic() + SECONDS_TO_VANISH
    while _inhabitants(namespace) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _inhabitants(namespace) == []


def test_a_process_without_parent_does_not_keep_it(tmp_path: Path) -> None:
    """A namespace ends with its block although a process is left in it whose parent has ended."""
    with create_namespace("server", {"/scratch": tmp_path}, tmpfs=[]) as inside:
        inside.run(["sh", "-c", "sleep 600 </dev/null >/dev/null 2>&1 &"])
        namespace = _mount_namespace(str(inside.init))
        assert len(_inhabitants(namespace)) >= 2
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS_TO_VANISH
    assert _inhabitants(namespace) == []
