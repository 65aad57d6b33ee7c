"""The QEMU Machine Protocol, as far as the lab speaks it (QEMU's documentation, "QMP Protocol Specification")."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

from builder.errors import NfsrootError

SECONDS = 120.0


class Qmp:
    """A conversation with one QEMU over its socket.

    :raises NfsrootError: QEMU hung up before it said a word.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._lines = self._socket.makefile(encoding="utf-8")
        try:
            self._socket.connect(str(path))
            self._lines.readline()
        except OSError as error:
            raise NfsrootError(f"QEMU does not answer: {error}") from error
        self._shutdown: str | None = None
        self.execute("qmp_capabilities")

    def close(self) -> None:
        """End the conversation; QEMU goes on."""
        self._lines.close()
        self._socket.close()

    def execute(self, command: str, **arguments: str) -> Any:
        """What QEMU returns for `command`; an argument's underscore stands for QMP's hyphen.

        :raises NfsrootError: QEMU refused, or hung up.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": named}).encode() + b"\n")
            while (reply := self._next()) is not None:
                if "error" in reply:
                    raise NfsrootError(f"QEMU refused {command}: {reply['error']['desc']}")
                if "return" in reply:
                    return reply["return"]
        except OSError as error:
            raise NfsrootError(f"QEMU does not answer {command}: {error}") from error
        raise NfsrootError(f"QEMU hung up at {command}")

    def shutdown_reason(self, seconds: float) -> str | None:
        """Why the machine's power goes off (ShutdownCause); None when it has not within `seconds`."""
        deadline = time.monotonic() + seconds
        try:
            while self._shutdown is None and (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if self._next() is None:
                    break
        except OSError:  # nothing came in time, or QEMU ended without a word
            return None
        return self._shutdown

    def _next(self) -> dict[str, Any] | None:
        """QEMU's next message; None when it has hung up."""
        line = self._lines.readline()
        if not line:
            return None
        message: dict[str, Any] = json.loads(line)
        if message.get("event") == "SHUTDOWN":
            self._shutdown = message["data"]["reason"]
        return message
