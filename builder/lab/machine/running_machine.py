"""A virtual machine that runs, with the lab's connections to its QEMU and to its agent."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab.machine.agent import Agent
from builder.lab.machine.paths import read_last_lines
from builder.lab.machine.qemu import KNOCK_PORT
from builder.lab.machine.qmp import Qmp
from builder.lab.measure import meter

SECONDS_TO_POWER_ON = 60.0
POLL_SECONDS = 0.02
KNOCK_SECONDS = 4.0
"""The seconds from one knock to the next: more than the three after which udev looks for new rules.

A node that shares its processor gets longer pauses, because its udev goes through all rules at each knock.
"""


@dataclass
class RunningMachine:
    """A virtual machine that is powered on; `directory` has its sockets and logs."""

    process: subprocess.Popen[bytes]
    directory: Path
    qmp: Qmp
    agent: Agent
    knocks: int = 0
    used: float = 0.0

    def processor_seconds(self) -> float:
        """Read the processor time, in seconds, of the machine's QEMU; the last known time when QEMU has ended."""
        self.used = max(self.used, meter.read_child_seconds(self.process) or 0.0)
        return self.used

    def knock(self, patience: float = 1.0) -> bool:
        """Plug a port in, which starts the agent; tell whether it has started.  `patience` multiplies time limits."""
        self.knocks += 1
        self.qmp.execute("device_add", driver="virtserialport", id=f"knock{self.knocks}", name=KNOCK_PORT)
        answers = self.agent.listens(KNOCK_SECONDS * patience)
        self.qmp.execute("device_del", id=f"knock{self.knocks}")
        return answers


@contextmanager
def connect_machine(process: subprocess.Popen[bytes], directory: Path, word: str) -> Iterator[RunningMachine]:
    """Connect to a virtual machine that QEMU (`process`) has begun to run; its power is cut when the block is left.

    `directory` has its sockets and logs, and `word` marks the answers of its agent.

    :raises NfsrootError: QEMU did not start.
    """
    with ExitStack() as stack:
        stack.callback(_end, process)
        agent = stack.enter_context(closing(Agent(connect_socket(directory / "agent.sock", process), word)))
        qmp = stack.enter_context(closing(Qmp(connect_socket(directory / "qmp.sock", process))))
        yield RunningMachine(process, directory, qmp, agent)


def connect_socket(path: Path, process: subprocess.Popen[bytes], seconds: float = SECONDS_TO_POWER_ON) -> socket.socket:
    """Connect to a socket that QEMU (`process`) makes when it starts.

    QEMU makes its sockets one after the other, and a socket's file exists before QEMU listens at it (bind(2),
    listen(2)): so each socket is tried until it accepts the connection.

    :raises NfsrootError: QEMU ended, or did not accept the connection within `seconds`.
    """
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        connection = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
        while True:
            ended = process.poll() is not None
            try:
                connection.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError) as error:
                if ended or time.monotonic() > deadline:
                    log = read_last_lines(path.parent / "qemu.log")
                    raise NfsrootError(f"QEMU did not start: {path.name}: {error.strerror}", details=log) from error
                time.sleep(POLL_SECONDS)
            else:
                stack.pop_all()
                return connection


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
