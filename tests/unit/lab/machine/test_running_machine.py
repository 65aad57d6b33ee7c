"""Connections to a QEMU that is still starting: a small program stands for it, and makes its socket late."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.lab.machine.running_machine import connect_socket

LATE = """
import socket, sys, time
path, bound, listening = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
listener = socket.socket(socket.AF_UNIX)
time.sleep(bound)
listener.bind(path)
time.sleep(listening)
listener.listen()
connection, _ = listener.accept()
connection.sendall(b"here")
sys.stdin.read()
"""
"""Its socket is there after some seconds, and somebody listens at it after some more."""


@contextmanager
def starting(program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that stands for QEMU; it is killed when the block is left."""
    with subprocess.Popen([sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(("bound", "listening"), [("0.3", "0"), ("0", "0.3"), ("0.2", "0.2")])
def test_a_socket_that_comes_late_is_waited_for(tmp_path: Path, bound: str, listening: str) -> None:
    """Neither a socket that is not there yet nor one at which nobody listens yet is an error."""
    path = tmp_path / "qmp.sock"
    with starting(LATE, str(path), bound, listening) as process, closing(connect_socket(path, process)) as connection:
        assert connection.recv(4) == b"here"


def test_a_qemu_that_ends_is_told_with_its_words(tmp_path: Path) -> None:
    """When it ends before it listens, its last words are part of the error, and nothing is waited for."""
    (tmp_path / "qemu.log").write_text("could not configure the port\n")
    with starting("raise SystemExit(1)") as process, pytest.raises(NfsrootError, match="did not start") as caught:
        connect_socket(tmp_path / "qmp.sock", process)
    assert "could not configure the port" in caught.value.details


def test_a_qemu_that_never_listens_is_given_up(tmp_path: Path) -> None:
    """One that runs and makes no socket is given up when its time is over."""
    runs = "import sys; sys.stdin.read()"
    with starting(runs) as process, pytest.raises(NfsrootError, match=r"qmp\.sock: No such file"):
        connect_socket(tmp_path / "qmp.sock", process, seconds=0.1)
