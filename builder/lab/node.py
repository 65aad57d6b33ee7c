"""One node from power-on until it answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab.agent import Agent
from builder.lab.capture import Capture
from builder.lab.phases import LIMITS, Phase, Progress
from builder.lab.qemu import KNOCK_PORT
from builder.lab.qmp import Qmp
from builder.lab.servers import LAB, last_lines
from builder.recipe.models import Node

POLL_SECONDS = 0.2
SECONDS_TO_POWER_ON = 10.0
KNOCK_SECONDS = 4.0
"""Time from one knock to the next; longer than the three seconds for which udev does not look for new rules."""


class NodeStuck(NfsrootError):
    """A node did not get through `phase` of its boot.  The details end with what was seen last."""

    def __init__(self, node: str, phase: Phase, what: str, details: str) -> None:
        self.phase = phase
        super().__init__(f"{node} {what} in phase {phase}", details=details)


@dataclass(frozen=True)
class BootedNode:
    """A node that is up: how it got there, and its agent."""

    progress: Progress
    agent: Agent


@contextmanager
def power_on(
    node: Node, process: subprocess.Popen[bytes], directory: Path, captured: Capture, word: str
) -> Iterator[BootedNode]:
    """Follow a node that QEMU (`process`) has just begun to run until it answers; power it off in the end.

    `directory` holds the node's sockets and console, `word` marks its agent's answers.

    :raises NodeStuck: the node hung or QEMU ended.
    """
    progress = Progress(time.monotonic())
    with ExitStack() as stack:
        stack.callback(_end, process)
        _await_socket(directory / "agent.sock", process)
        agent = stack.enter_context(closing(Agent(directory / "agent.sock", word)))
        qmp = stack.enter_context(closing(Qmp(directory / "qmp.sock")))
        _Watch(node, process, directory, captured, progress, qmp, agent).until_it_answers()
        yield BootedNode(progress, agent)


@dataclass
class _Watch:
    node: Node
    process: subprocess.Popen[bytes]
    directory: Path
    captured: Capture
    progress: Progress
    qmp: Qmp
    agent: Agent
    knocks: int = 0

    def until_it_answers(self) -> None:
        answers = False
        while not answers:
            for event in self.captured.since(self.progress.powered_on, self.node.mac):
                self.progress.observe(event)
            self._check()
            if self.progress.phase is Phase.SYSTEMD:
                answers = self._knock()
            else:
                time.sleep(POLL_SECONDS)
        self.progress.end(Phase.SYSTEMD, time.monotonic())

    def _knock(self) -> bool:
        """Whether the node's agent has started."""
        self.knocks += 1
        self.qmp.execute("device_add", driver="virtserialport", id=f"knock{self.knocks}", name=KNOCK_PORT)
        answers = self.agent.listens(KNOCK_SECONDS)
        self.qmp.execute("device_del", id=f"knock{self.knocks}")
        return answers

    def _check(self) -> None:
        phase = self.progress.phase
        if self.process.poll() is not None:
            raise NodeStuck(self.node.name, phase, "stopped", self._last_seen())
        if self.progress.overdue(time.monotonic()):
            self.qmp.execute("screendump", filename=f"{LAB}/{self.node.name}/screen.png", format="png")
            raise NodeStuck(self.node.name, phase, f"hung for {LIMITS[phase]:.0f} s", self._last_seen())

    def _last_seen(self) -> str:
        events = self.captured.since(self.progress.powered_on, self.node.mac)
        lines = [f"network | {event}" for event in events[-10:]]
        logs = [self.directory / "console.log", self.directory / "qemu.log"]
        logs += [self.directory.parent / f"{server}.log" for server in ("dhcp", "tftp", "nfs")]
        return "\n".join([*lines, *map(last_lines, logs), f"screen: {self.directory / 'screen.png'}"])


def _await_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_POWER_ON
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NfsrootError("QEMU did not start", details=last_lines(path.parent / "qemu.log"))
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
