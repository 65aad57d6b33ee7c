"""The QEMU Machine Protocol, as far as the lab speaks it (QEMU's documentation, "QMP Protocol Specification")."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from builder.errors import NfsrootError

SECONDS = 30.0


class Qmp:
    """A conversation with one QEMU over its socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self._lines.readline()
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
        self._lines.write(json.dumps({"execute": command, "arguments": named}) + "\n")
        self._lines.flush()
        for line in self._lines:
            reply = json.loads(line)
            if "error" in reply:
                raise NfsrootError(f"QEMU refused {command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]
        raise NfsrootError(f"QEMU hung up at {command}")
