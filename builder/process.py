"""The one place where the package starts processes."""

from __future__ import annotations

import shlex
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from builder.errors import NfsrootError

LAST_LINES = 20
SECONDS_TO_END = 10.0

OnLine = Callable[[str], None]


class CommandError(NfsrootError):
    """A command ended with a status other than 0.

    `argv` is the command, `status` its exit status (negative: the signal that ended it) and `last_lines` the
    end of what it wrote.
    """

    def __init__(self, argv: Sequence[str], status: int, last_lines: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self.status = status
        self.last_lines = tuple(last_lines)
        super().__init__(
            f"{Path(argv[0]).name} {in_words(status)}",
            details="\n".join([*(f"  | {line}" for line in last_lines), f"command: {shlex.join(argv)}"]),
        )


def in_words(status: int) -> str:
    """What an exit status means; a negative one is the signal that ended the process (subprocess(3))."""
    if status >= 0:
        return f"failed with exit status {status}"
    return f"was ended by {signal.Signals(-status).name}"


def run(argv: Sequence[str], *, env: Mapping[str, str], on_line: OnLine, stdin: IO[bytes] | None = None) -> None:
    """Run `argv` with exactly the environment `env`; hand each line of its output to `on_line`.

    Standard error joins standard output.  The process gets a session of its own, so that Ctrl-C reaches this
    process alone, which then ends the other one before it goes on.

    :raises CommandError: the command failed.
    :raises NfsrootError: the command is not on this machine.
    """
    last: deque[str] = deque(maxlen=LAST_LINES)
    process = _start(argv, env=env, stdin=stdin, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            last.append(line)
            on_line(line)
        status = process.wait()
    finally:
        end(process)
    if status != 0:
        raise CommandError(argv, status, last)


def output(argv: Sequence[str], *, env: Mapping[str, str]) -> str:
    """What `argv` writes to standard output, run with exactly the environment `env`; errors as `run`."""
    lines: list[str] = []
    run(argv, env=env, on_line=lines.append)
    return "\n".join(lines)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs: SIGTERM, and SIGKILL when it has not gone ten seconds later."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


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
        )
    except FileNotFoundError:
        raise NfsrootError(
            f"{argv[0]} is not on this machine", resolution="`nfsroot doctor` says which package brings it."
        ) from None
