"""Functions that run commands: they log the command, pass its output on, and say why a command failed."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from builder.errors import NfsrootError
from builder.umask import UMASK
from builder.urls import without_users

LAST_LINES = 20
SECONDS_TO_END = 10.0
POLL_SECONDS = 0.01

COMMAND = "command: "
"""The beginning of the line that shows a command for pasting into a shell."""

OnLine = Callable[[str], None]


class CommandError(NfsrootError):
    """A command called `name` ended with a status other than 0.

    `argv` is the command, `status` its exit status (negative: the signal that ended it) and `last_lines` the
    end of its output.  The command itself stands in the log (see `run`), not in the message for the user.
    """

    def __init__(self, name: str, argv: Sequence[str], status: int, last_lines: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self.status = status
        self.last_lines = tuple(last_lines)
        super().__init__(f"{name} {in_words(status)}", details="\n".join(f"  | {line}" for line in last_lines))


def in_words(status: int) -> str:
    """The meaning of an exit status in words; a negative one is the signal that ended the process (subprocess(3))."""
    if status >= 0:
        return f"failed with exit status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    on_line: OnLine,
    stdin: IO[bytes] | None = None,
    name: str | None = None,
) -> None:
    """Run `argv` with exactly the environment `env` and the umask 022.

    `on_line` gets the command, ready for pasting, and then each line of output.  Standard error joins standard output.
    The process gets a session of its own, so that Ctrl-C reaches this process alone, which then ends the other one
    before it goes on.  `name` is the command's name in errors; the default is its program.

    :raises CommandError: the command failed.
    :raises NfsrootError: the command cannot be started.
    """
    on_line(f"{COMMAND}{without_users(shlex.join(argv))}")
    _run(argv, env, on_line, stdin, name or Path(argv[0]).name)


def output(argv: Sequence[str], *, env: Mapping[str, str]) -> str:
    """The output of the command `argv`, run with exactly the environment `env`; raises the errors of `run`."""
    lines: list[str] = []
    _run(argv, env, lines.append, None, Path(argv[0]).name)
    return "\n".join(lines)


def _run(argv: Sequence[str], env: Mapping[str, str], on_line: OnLine, stdin: IO[bytes] | None, name: str) -> None:
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = _start(argv, env=env, stdin=stdin, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = without_users(raw.decode(errors="replace").rstrip())
            last.append(line)
            on_line(line)
        status = process.wait()
    finally:
        end(process)
    if status != 0:
        raise CommandError(name, argv, status, last)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a running child that leads its process group: by SIGTERM, and after ten seconds by SIGKILL.

    SIGKILL goes to the whole group: a bwrap that is ended just after its start leaves a child behind, which would wait
    for ever for bwrap's word to go on.
    """
    if process.poll() is not None:
        return
    process.terminate()
    deadline = time.monotonic() + SECONDS_TO_END
    while not _has_ended(process.pid) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    # The kernel gives the group's number to nobody else before this process has waited for the leader.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _has_ended(pid: int) -> bool:
    """Whether a child has ended.  The child stays a zombie (waitid(2), WNOWAIT)."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _start(
    argv: Sequence[str], *, env: Mapping[str, str], stdin: IO[bytes] | None, stdout: int
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            env=dict(env),
            stdin=stdin or subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=UMASK,
        )
    except OSError as error:
        raise NfsrootError(
            f"{argv[0]} cannot be started: {error.strerror}",
            resolution="`nfsroot doctor` says which package brings it.",
        ) from error
