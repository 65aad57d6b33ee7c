"""The runner of processes: hermetic, ended with its caller, its failures in words."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time

import pytest

from builder import process
from builder.errors import NfsrootError
from builder.process import COMMAND, LAST_LINES, CommandError, in_words, output, run

ENV = {"PATH": os.environ["PATH"]}


def lines_of(argv: list[str], env: dict[str, str] = ENV) -> list[str]:
    """Every line that a command hands over."""
    lines: list[str] = []
    run(argv, env=env, on_line=lines.append)
    return lines


def test_lines_of_both_streams_in_order() -> None:
    """Standard output and standard error arrive line by line as they were written."""
    assert lines_of(["sh", "-c", "echo one; echo two >&2; echo three"])[1:] == ["one", "two", "three"]


def test_first_line_is_the_command() -> None:
    """The command is handed over so that it can be pasted into a shell."""
    assert lines_of(["echo", "a b"])[0] == f"{COMMAND}echo 'a b'"


def test_passwords_are_not_handed_over() -> None:
    """User information in a URL, such as a proxy's password, gets into no log."""
    command, *rest = lines_of(["true", "--setenv", "http_proxy", "http://me:secret@proxy.example:3128/"])
    assert command == f"{COMMAND}true --setenv http_proxy http://proxy.example:3128/"
    assert rest == []


def test_passwords_in_output_are_not_handed_over() -> None:
    """What a tool writes about a URL gets into no log with its password, and into no error."""
    assert lines_of(["echo", "Get: http://me:secret@mirror.example/x 'https://a@b.example'"])[1:] == [
        "Get: http://mirror.example/x 'https://b.example'"
    ]
    with pytest.raises(CommandError) as failed:
        output(["sh", "-c", "echo http://me:secret@mirror.example/; false"], env={"PATH": "/usr/bin"})
    assert failed.value.last_lines == ("http://mirror.example/",)


def test_environment_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the caller's environment reaches the command."""
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert output(["/usr/bin/env"], env={"ONLY": "this"}) == "ONLY=this"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_umask_is_ours(umask: int) -> None:
    """Files that a command makes have the modes that they have for everybody."""
    callers = os.umask(umask)
    try:
        assert output(["sh", "-c", "umask"], env=ENV) == "0022"
    finally:
        os.umask(callers)


def test_standard_input_is_empty() -> None:
    """A command that reads standard input does not wait for the user's."""
    assert output(["cat"], env=ENV) == ""


def test_bytes_that_are_not_utf8() -> None:
    """Output in another encoding does not stop a build."""
    assert output(["printf", r"caf\351"], env=ENV) == "caf�"


def test_failure_tells_status_and_last_lines() -> None:
    """A failure names the program, its status and its last lines, without the command line."""
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "for n in $(seq 50); do echo line $n; done; exit 3"], env=ENV, on_line=lambda _line: None)
    error = caught.value
    assert error.brief == "sh failed with exit status 3"
    assert error.status == 3
    assert list(error.last_lines) == [f"line {n}" for n in range(51 - LAST_LINES, 51)]
    assert error.details.splitlines()[-1] == "  | line 50"
    assert "seq" not in str(error)
    assert error.argv[0] == "sh"


def test_failure_has_the_name_that_was_given() -> None:
    """A failure of a job is the job's and not that of the engine that ran it."""
    with pytest.raises(CommandError, match=r"^mkinitramfs failed with exit status 1"):
        run(["false"], env=ENV, on_line=lambda _line: None, name="mkinitramfs")


def test_death_by_signal_is_in_words() -> None:
    """A command that a signal ended, as the kernel does when memory is short, says which."""
    with pytest.raises(CommandError, match="sh was ended by SIGKILL"):
        run(["sh", "-c", "kill -KILL $$"], env=ENV, on_line=lambda _line: None)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (1, "failed with exit status 1"),
        (-signal.SIGTERM, "was ended by SIGTERM"),
        (-signal.SIGKILL, "was ended by SIGKILL"),
    ],
)
def test_statuses_in_words(status: int, words: str) -> None:
    """A status reads as what it means."""
    assert in_words(status) == words


@pytest.mark.parametrize(
    ("command", "words"), [("no-such-command", "No such file or directory"), ("/etc/passwd", "Permission denied")]
)
def test_command_that_cannot_be_started(command: str, words: str) -> None:
    """A command that is not on this machine, or is no program, is an error that leads to `nfsroot doctor`."""
    with pytest.raises(NfsrootError) as caught:
        run([command], env={"PATH": "/usr/bin"}, on_line=lambda _line: None)
    assert caught.value.brief == f"{command} cannot be started: {words}"
    assert "nfsroot doctor" in caught.value.resolution


def test_interrupt_ends_the_command() -> None:
    """When the caller is interrupted, the command is ended before the interrupt goes on."""
    pids: list[int] = []

    def interrupt(line: str) -> None:
        if line.isdecimal():
            pids.append(int(line))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", "echo $$; exec sleep 60"], env=ENV, on_line=interrupt)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def leader(script: str) -> subprocess.Popen[bytes]:
    """A shell that leads a group of its own, once it has said that it is ready."""
    shell = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert shell.stdout is not None
    assert shell.stdout.readline() == b"ready\n"
    return shell


def test_end_is_patient_and_then_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ignores SIGTERM gets time, and then SIGKILL, with its children."""
    monkeypatch.setattr(process, "SECONDS_TO_END", 0.2)
    with leader("trap '' TERM; echo ready; sleep 60 & wait; sleep 60") as stubborn:
        started = time.monotonic()
        process.end(stubborn)
        assert 0.2 <= time.monotonic() - started < 5
        assert stubborn.returncode == -signal.SIGKILL
        assert stubborn.stdout is not None
        assert stubborn.stdout.read() == b"", "nobody is left who could write"


def test_end_leaves_no_child_that_outlives_its_parent() -> None:
    """A process that goes at once, while a child of its ignores SIGTERM, takes that with it."""
    with leader("(trap '' TERM; echo ready; sleep 60) & wait") as parent:
        process.end(parent)
        assert parent.returncode == -signal.SIGTERM
        assert parent.stdout is not None
        assert parent.stdout.read() == b""


def test_end_of_a_finished_process_is_nothing() -> None:
    """Ending a process that has ended keeps its status."""
    with subprocess.Popen(["false"]) as finished:
        finished.wait()
        process.end(finished)
        assert finished.returncode == 1


def test_standard_input_can_be_a_stream() -> None:
    """A pipe that is given as standard input reaches the command."""
    read, write = os.pipe()
    writer = threading.Thread(target=lambda: (os.write(write, b"through\n"), os.close(write)))
    writer.start()
    lines: list[str] = []
    with os.fdopen(read, "rb") as stream:
        run(["cat"], env=ENV, on_line=lines.append, stdin=stream)
    writer.join(5)
    assert lines[1:] == ["through"]
