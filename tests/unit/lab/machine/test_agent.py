from __future__ import annotations

import base64
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dialled import dialled

from builder.errors import NfsrootError
from builder.lab.machine.agent import SCRIPT, Agent, Answer, build_oem_string

WORD = "c0ffee"
Serve = Callable[[bytes], None]


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    """The node's own script behind a socket that stands for the port."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "port"))
    listener.listen()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            answering = SCRIPT.partition('exec <>"$port" >&0\n')[2]
            text = f"word={WORD}\n{answering}"
            subprocess.run(["sh", "-c", text], stdin=connection, stdout=connection, check=False)

    thread = threading.Thread(target=serve)
    thread.start()
    yield tmp_path / "port"
    thread.join()
    listener.close()


def test_answers_of_the_real_script(script: Path) -> None:
    """A question is run by sh(1); the answer has its output of both kinds and its status."""
    with closing(Agent(dialled(script), WORD)) as agent:
        assert agent.listens(10)
        assert agent.ask("echo a; echo b >&2; exit 3") == Answer(3, "a\nb")
        assert agent.ask("cat; printf 'ü'") == Answer(0, "ü")


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A port at whose other end the test itself speaks."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "port"))
        listener.listen()
        yield tmp_path / "port", listener


def test_a_line_without_the_word_is_no_answer(silent: tuple[Path, socket.socket]) -> None:
    """Noise on the port, and answers to other questions, are passed over."""
    path, listener = silent
    with closing(Agent(dialled(path), WORD)) as agent, listener.accept()[0] as node:
        node.sendall(b"listens\nbad listens\n")
        assert not agent.listens(0.1)
        node.sendall(f"{WORD} 7 0 eA==\n1 0 eA==\n{WORD} 1 0 eQ==\n".encode())
        assert agent.ask("true", 5) == Answer(0, "y")


@pytest.mark.parametrize("hang_up", [False, True])
def test_no_answer_is_an_error(silent: tuple[Path, socket.socket], hang_up: bool) -> None:
    """A node that says nothing, or whose port is closed, can pass no check."""
    path, listener = silent
    with closing(Agent(dialled(path), WORD)) as agent, listener.accept()[0] as node:
        if hang_up:
            node.shutdown(socket.SHUT_WR)
        with pytest.raises(NfsrootError, match="did not answer"):
            agent.ask("true", 0.1)


def test_the_credential_is_lines_of_tmpfiles() -> None:
    """The SMBIOS string carries, in base64, files below /run only, and the word is in the script."""
    name, _, value = build_oem_string(WORD).partition("=")
    assert name == "io.systemd.credential.binary:tmpfiles.extra"
    lines = [line.split() for line in base64.b64decode(value).decode().splitlines()]
    assert all(kind == "f~" and path.startswith("/run/") for kind, path, *_ in lines)
    assert base64.b64decode(lines[0][-1]).decode().startswith(f"word={WORD}\n")


def test_node_that_has_gone(silent: tuple[Path, socket.socket]) -> None:
    """When QEMU has ended, a question is an error with its reason and not a broken pipe."""
    path, listener = silent
    with closing(Agent(dialled(path), WORD)) as agent:
        listener.accept()[0].close()
        for _ in range(2):
            with pytest.raises(NfsrootError, match=r"connection to the node is closed|did not answer"):
                agent.ask("true", 1)


@pytest.mark.parametrize("garbled", ["0 eA", "0 e!A==", "x eA==", "", "0 eA== eA=="])
def test_garbled_answer_is_an_error(silent: tuple[Path, socket.socket], garbled: str) -> None:
    """An answer that the kernel's messages have broken is told as such, and the next question is answered."""
    path, listener = silent
    with closing(Agent(dialled(path), WORD)) as agent, listener.accept()[0] as node:
        node.sendall(f"{WORD} 1 {garbled}\n{WORD} 2 0 eQ==\n".encode())
        with pytest.raises(NfsrootError, match="the node's answer cannot be read"):
            agent.ask("true", 5)
        assert agent.ask("true", 5) == Answer(0, "y")
