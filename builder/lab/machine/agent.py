"""The agent that runs the lab's commands on a node, without any file of the lab in the node's release.

The virtual machine gives the node a system credential in its firmware (systemd.system-credentials(7), SMBIOS type 11):
`tmpfiles.extra`, lines of tmpfiles.d(5) that systemd >= 252 obeys at every boot.  The lines write two files below /run:
a unit that answers over a virtio-serial port, and a udev rule that starts the unit.

udev may have looked at the node's devices before the rule was there.  So the lab knocks: it plugs in a second port, and
the rule starts the unit when that port appears.  The unit waits until udev has set up the unit's own port, too.  The
kernel command line, the initramfs and the tree stay as they were released.
"""

from __future__ import annotations

import base64
import socket
import time
from dataclasses import dataclass

from builder.errors import NfsrootError
from builder.lab.machine.qemu import AGENT_PORT, KNOCK_PORT

SCRIPT = f"""\
port=/dev/virtio-ports/{AGENT_PORT}
until [ -e "$port" ]; do sleep 0.1; done
exec <>"$port" >&0
printf '\\n%s listens\\n' "$word"
while read -r number question; do
    text=$(sh -c "$(printf %s "$question" | base64 -d)" 2>&1 </dev/null)
    printf '%s %s %s %s\\n' "$word" "$number" "$?" "$(printf %s "$text" | base64 -w0)"
done
"""

UNIT = """\
[Unit]
Description=Answer the lab
[Service]
ExecStart=/bin/sh /run/nfsroot-lab/agent
"""

RULE = f"""\
ACTION!="remove", SUBSYSTEM=="virtio-ports", ATTR{{name}}=="{KNOCK_PORT}", \
TAG+="systemd", ENV{{SYSTEMD_WANTS}}+="nfsroot-lab.service"
"""


def build_oem_string(word: str) -> str:
    """Build the SMBIOS string that puts the agent on a node; every answer of the agent begins with `word`."""
    files = {
        "/run/nfsroot-lab/agent": f"word={word}\n{SCRIPT}",
        "/run/systemd/system/nfsroot-lab.service": UNIT,
        "/run/udev/rules.d/70-nfsroot-lab.rules": RULE,
    }
    # `f~` writes a file whose content is given in base64.
    lines = "".join(f"f~ {path} 0644 root root - {_base64(text)}\n" for path, text in files.items())
    return f"io.systemd.credential.binary:tmpfiles.extra={_base64(lines)}"


@dataclass(frozen=True)
class Answer:
    """The exit status of a command, and the text that it wrote, without the last newlines."""

    status: int
    text: str


class Agent:
    """The agent on a node, over the socket `connection`.

    `word` begins each answer; no other program on the node is likely to write it.
    """

    def __init__(self, connection: socket.socket, word: str) -> None:
        self._socket = connection
        self._word = word
        self._received = b""
        self._asked = 0

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def listens(self, seconds: float) -> bool:
        """Wait until the agent reports that it listens, for `seconds` at most; tell whether it did."""
        return self._line_after("listens", seconds) is not None

    def ask(self, script: str, seconds: float = 60.0) -> Answer:
        """Run `script` with the node's sh(1), as root.

        :raises NfsrootError: the agent gives no answer within `seconds`, or one that cannot be read, or QEMU ended.
        """
        self._asked += 1
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(f"{self._asked} {_base64(script)}\n".encode())
        except OSError as error:
            raise NfsrootError("the connection to the node is closed", details=f"question: {script}") from error
        line = self._line_after(f"{self._asked} ", seconds)
        if line is None:
            raise NfsrootError(f"the node did not answer within {seconds:.0f} s", details=f"question: {script}")
        status, _, text = line.partition(" ")
        try:
            return Answer(int(status), base64.b64decode(text, validate=True).decode(errors="replace"))
        except ValueError:  # other text of the node came in between
            raise NfsrootError("the node's answer cannot be read", details=f"question: {script}\n{line}") from None

    def _line_after(self, start: str, seconds: float) -> str | None:
        """Read the rest of the first line that starts with the word and `start`; None when none comes in `seconds`."""
        wanted = f"{self._word} {start}"
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            line, newline, rest = self._received.partition(b"\n")
            if newline:
                self._received = rest
                text = line.decode(errors="replace")
                if text.startswith(wanted):
                    return text.removeprefix(wanted)
            elif not self._receive(left):
                return None
        return None

    def _receive(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            received = self._socket.recv(65536)
        except OSError:  # the time is up, or QEMU ended
            return False
        self._received += received
        return bool(received)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
