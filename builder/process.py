"""The one place where the package starts processes."""

from __future__ import annotations

import re
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

COMMAND = "command: "
"""How the line begins that gives a command to be pasted."""

OnLine = Callable[[str], None]


class CommandError(NfsrootError):
    """A command called `name` ended with a status other than 0.

    `argv` is the command, `status` its exit status (negative: the signal that ended it) and `last_lines` the
    end of what it wrote.  The command itself stands in the log (see `run`) and not in what the user reads.
    """

    def __init__(self, name: str, argv: Sequence[str], status: int, last_lines: Sequence[str]) -> None:
        self.argv = tuple(argv)
        self.status = status
        self.last_lines = tuple(last_lines)
        super().__init__(f"{name} {in_words(status)}", details="\n".join(f"  | {line}" for line in last_lines))


def in_words(status: int) -> str:
    """What an exit status means; a negative one is the signal that ended the process (subprocess(3))."""
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
    """Run `argv` with exactly the environment `env`; hand the command, to be pasted, and each line of its output
    to `on_line`.

    Standard error joins standard output.  The process gets a session of its own, so that Ctrl-C reaches this
    process alone, which then ends the other one before it goes on.  `name` is what an error calls the command:
    its program, when there is no better name.

    :raises CommandError: the command failed.
    :raises NfsrootError: the command cannot be started.
    """
    on_line(f"{COMMAND}{_without_passwords(shlex.join(argv))}")
    _run(argv, env, on_line, stdin, name or Path(argv[0]).name)


def output(argv: Sequence[str], *, env: Mapping[str, str]) -> str:
    """What `argv` writes, run with exactly the environment `env`; errors as `run`."""
    lines: list[str] = []
    _run(argv, env, lines.append, None, Path(argv[0]).name)
    return "\n".join(lines)


def _run(argv: Sequence[str], env: Mapping[str, str], on_line: OnLine, stdin: IO[bytes] | None, name: str) -> None:
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
        raise CommandError(name, argv, status, last)


def _without_passwords(command: str) -> str:
    """The command without user information in its URLs (RFC 3986 section 3.2.1), such as a proxy's password."""
    return re.sub(r"(?<=://)[^/@\s]+@", "", command)


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
    except OSError as error:
        raise NfsrootError(
            f"{argv[0]} cannot be started: {error.strerror}",
            resolution="`nfsroot doctor` says which package brings it.",
        ) from error
