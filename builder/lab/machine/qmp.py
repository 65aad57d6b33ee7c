"""A client of the QEMU Machine Protocol (QEMU's documentation, "QMP Protocol Specification")."""

from __future__ import annotations

import itertools
import json
import socket
import time
from typing import Any

from builder.errors import NfsrootError

SECONDS = 120.0
CHUNK = 65536


class Qmp:
    """A session with one QEMU; `connection` leads to its socket.

    The session survives a command that QEMU does not answer in time: each command has a number that its answer repeats,
    so that a late answer is not taken for that of another command.

    :raises NfsrootError: QEMU does not answer.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._received = b""
        self._numbers = itertools.count(1)
        self._shutdown: str | None = None
        try:
            self._next(time.monotonic() + SECONDS)
        except OSError as error:
            self._socket.close()
            raise NfsrootError(f"QEMU does not answer: {error}") from error
        self.execute("qmp_capabilities")

    def close(self) -> None:
        """End the session; QEMU runs on."""
        self._socket.close()

    def execute(self, command: str, *, seconds: float = SECONDS, **arguments: str | bool) -> Any:
        """Run a QMP command, and give its result; an underscore in an argument's name stands for QMP's hyphen.

        :raises NfsrootError: QEMU refused the command, closed the connection, or did not answer within `seconds`.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        number, deadline = next(self._numbers), time.monotonic() + seconds
        message = {"execute": command, "arguments": named, "id": number}
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            while (reply := self._next(deadline)) is not None:
                if reply.get("id") != number:
                    continue
                if "error" in reply:
                    raise NfsrootError(f"QEMU refused {command}: {reply['error']['desc']}")
                return reply["return"]
        except OSError as error:
            raise NfsrootError(f"QEMU does not answer {command}: {error}") from error
        raise NfsrootError(f"QEMU closed the connection at {command}")

    def shutdown_reason(self, seconds: float) -> str | None:
        """Wait until the machine's power goes off, and give the reason (ShutdownCause); None when that takes longer."""
        deadline = time.monotonic() + seconds
        try:
            while self._shutdown is None and self._next(deadline) is not None:
                pass
        except OSError:  # no message came in time, or QEMU ended without one
            return None
        return self._shutdown

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """Read QEMU's next message; None when QEMU has closed the connection.

        When the time is up, the received part of a message is kept for the next call.

        :raises OSError: no message came until `deadline` (seconds, time.monotonic()), or QEMU ended.
        """
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._socket.settimeout(left)
            more = self._socket.recv(CHUNK)
            if not more:
                return None
            self._received += more
        line, _, self._received = self._received.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            self._shutdown = message["data"]["reason"]
        return message
