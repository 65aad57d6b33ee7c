from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dialled import dialled

from builder.errors import NfsrootError
from builder.lab.machine.qmp import Qmp

POWER_OFF = {"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-shutdown"}}


class Script:
    """QEMU's end of the conversation: after each command it says the next of `replies`.

    An answer repeats its command's number; text is sent as it stands.
    """

    def __init__(self, path: Path, *replies: list[dict[str, Any] | str]) -> None:
        self.heard: list[dict[str, object]] = []
        self._replies: list[list[dict[str, Any] | str]] = [[{"QMP": {}}], [{"return": {}}], *replies]
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._speak)
        self._thread.start()

    def _speak(self) -> None:
        connection, _ = self._listener.accept()
        with connection, connection.makefile("rw") as lines:
            for number, messages in enumerate(self._replies):
                if number:
                    self.heard.append(json.loads(lines.readline()))
                lines.writelines(map(self._line, messages))
                lines.flush()
            lines.readline()  # until the lab hangs up
        self._listener.close()

    def _line(self, message: dict[str, Any] | str) -> str:
        if isinstance(message, str):
            return message
        answers = {"return", "error"} & message.keys() and "id" not in message
        return json.dumps({**message, "id": self.heard[-1]["id"]} if answers else message) + "\n"

    def join(self) -> None:
        """Wait for its end."""
        self._thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Where QEMU listens."""
    return tmp_path / "qmp.sock"


def test_answers_are_told_from_events(path: Path) -> None:
    """Events that come before a command's answer are passed over; its arguments have QMP's names."""
    qemu = Script(path, [{"event": "RESUME"}, {"return": 7}])
    with closing(Qmp(dialled(path))) as qmp:
        assert qmp.execute("screendump", file_name="x") == 7
    qemu.join()
    assert {**qemu.heard[-1], "id": 0} == {"execute": "screendump", "arguments": {"file-name": "x"}, "id": 0}


def test_refusal_is_an_error(path: Path) -> None:
    """What QEMU refuses is told in its words."""
    qemu = Script(path, [{"error": {"desc": "no such device"}}])
    with closing(Qmp(dialled(path))) as qmp, pytest.raises(NfsrootError, match="refused device_del: no such device"):
        qmp.execute("device_del")
    qemu.join()


def test_reason_of_a_shutdown(path: Path) -> None:
    """Why the power went off is known, also when it was told while something else was asked."""
    qemu = Script(path, [POWER_OFF, {"return": {}}])
    with closing(Qmp(dialled(path))) as qmp:
        qmp.execute("query-status")
        assert qmp.shutdown_reason(0.1) == "guest-shutdown"
    qemu.join()


def test_no_shutdown_within_its_time(path: Path) -> None:
    """A machine that stays on has no reason to be off."""
    qemu = Script(path)
    with closing(Qmp(dialled(path))) as qmp:
        assert qmp.shutdown_reason(0.1) is None
    qemu.join()


def test_crash_is_no_shutdown(path: Path) -> None:
    """When QEMU hangs up without a word there was no shutdown."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def hang_up() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b'{"QMP": {}}\n')
            number = json.loads(connection.recv(4096))["id"]
            connection.sendall(json.dumps({"return": {}, "id": number}).encode() + b"\n")

    thread = threading.Thread(target=hang_up)
    thread.start()
    with closing(Qmp(dialled(path))) as qmp:
        thread.join()
        assert qmp.shutdown_reason(5) is None
    listener.close()


def test_qemu_that_ends_before_it_speaks(tmp_path: Path) -> None:
    """A QEMU that ends as soon as its socket is there, for want of its network card's port say, is told as such."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp.sock"))
        listener.listen()
        ending = threading.Timer(0.1, listener.close)
        ending.start()
        with pytest.raises(NfsrootError, match="QEMU does not answer"):
            Qmp(dialled(tmp_path / "qmp.sock"))
        ending.join()


def test_a_conversation_with_a_dead_qemu_ends_quietly(path: Path) -> None:
    """When QEMU has died, each command says so, and what was never sent does not come up at the end."""
    qemu = Script(path)
    with closing(Qmp(dialled(path))) as qmp:
        qmp._socket.shutdown(socket.SHUT_RDWR)
        for _ in range(2):
            with pytest.raises(NfsrootError):
                qmp.execute("screendump")
    qemu.join()


def test_the_conversation_survives_a_command_without_an_answer(path: Path) -> None:
    """After a command that QEMU did not answer in time the next one is answered, by its own answer."""
    late = {"return": "late", "id": 2}
    qemu = Script(path, [], [late, {"return": "right"}], [POWER_OFF, {"return": 3}])
    with closing(Qmp(dialled(path))) as qmp:
        with pytest.raises(NfsrootError, match="QEMU does not answer screendump: timed out"):
            qmp.execute("screendump", seconds=0.1)
        assert qmp.execute("query-status") == "right"
        assert qmp.shutdown_reason(0.1) is None
        assert qmp.execute("query-name") == 3, "the time of the wait before is no limit of this command"
        assert qmp.shutdown_reason(5) == "guest-shutdown"
    qemu.join()


@pytest.mark.parametrize("cut", range(1, 40, 4))
def test_half_a_message_is_not_lost(path: Path, cut: int) -> None:
    """What has come of a message when time is up is taken for its beginning later."""
    whole = json.dumps(POWER_OFF) + "\n"
    qemu = Script(path, [{"return": 1}, whole[:cut]], [whole[cut:], {"return": 2}])
    with closing(Qmp(dialled(path))) as qmp:
        assert qmp.execute("query-status") == 1
        assert qmp.shutdown_reason(0.05) is None
        assert qmp.execute("query-status") == 2
        assert qmp.shutdown_reason(5) == "guest-shutdown"
    qemu.join()
