"""One node from power-on until it answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab import probe
from builder.lab.agent import Agent
from builder.lab.capture import Capture
from builder.lab.phases import LIMITS, Phase, Progress
from builder.lab.probe import NodeState
from builder.lab.qemu import KNOCK_PORT
from builder.lab.qmp import Qmp
from builder.lab.servers import LAB, last_lines
from builder.lab.wire import WireEvent
from builder.recipe.models import Node

POLL_SECONDS = 0.2
STARTED_POLL_SECONDS = 1.0
STARTING = frozenset({"initializing", "starting", "offline", "unknown"})
"""States in which systemd is not up yet."""

SECONDS_TO_POWER_ON = 10.0
KNOCK_SECONDS = 4.0
"""Time from one knock to the next; longer than the three seconds for which udev does not look for new rules."""


class NodeStuck(NfsrootError):
    """A node did not get through `phase` of its boot.  The details end with what was seen last."""

    def __init__(self, node: str, phase: Phase, what: str, details: str) -> None:
        self.phase = phase
        super().__init__(f"{node} {what} in phase {phase}", details=details)


@dataclass
class VirtualNode:
    """A node that is powered on: how far it got, its agent, and QEMU's own control of it.

    `directory` holds its sockets, console and screenshot.
    """

    node: Node
    process: subprocess.Popen[bytes]
    directory: Path
    captured: Capture
    progress: Progress
    qmp: Qmp
    agent: Agent
    knocks: int = 0
    jobs: str = ""

    def until_it_runs(self) -> None:
        """Follow the node until systemd has finished starting it, in whatever state.

        :raises NodeStuck: the node hung or QEMU ended.
        """
        listens = runs = False
        while not runs:
            for event in self._events():
                self.progress.observe(event)
            self._check()
            if self.progress.phase is not Phase.SYSTEMD:
                time.sleep(POLL_SECONDS)
            elif not listens:
                listens = self._knock()
            else:
                runs = self._is_started()
        self.progress.end(Phase.SYSTEMD, time.monotonic())

    def state(self, directories: Sequence[str]) -> NodeState:
        """What the node says about itself; `directories` are tried for writing.

        :raises NodeStuck: the node stopped answering.
        """
        try:
            state = probe.ask(self.agent, directories, LIMITS[Phase.CHECKS])
        except NfsrootError as error:
            raise self._stuck(f"failed ({error})") from error
        self.progress.end(Phase.CHECKS, time.monotonic())
        return state

    def _knock(self) -> bool:
        """Whether the node's agent has started."""
        self.knocks += 1
        self.qmp.execute("device_add", driver="virtserialport", id=f"knock{self.knocks}", name=KNOCK_PORT)
        answers = self.agent.listens(KNOCK_SECONDS)
        self.qmp.execute("device_del", id=f"knock{self.knocks}")
        return answers

    def _is_started(self) -> bool:
        """Whether systemd has no more to start (systemctl(1), "is-system-running")."""
        answer = self.agent.ask("systemctl is-system-running; systemctl list-jobs --plain --no-legend")
        state, _, self.jobs = answer.text.partition("\n")
        if state not in STARTING:
            return True
        time.sleep(STARTED_POLL_SECONDS)
        return False

    def _events(self) -> list[WireEvent]:
        return self.captured.since(self.progress.powered_on, self.node.mac)

    def _check(self) -> None:
        if self.process.poll() is not None:
            raise self._stuck("stopped")
        if self.progress.overdue(time.monotonic()):
            raise self._stuck(f"hung for {LIMITS[self.progress.phase]:.0f} s")

    def _stuck(self, what: str) -> NodeStuck:
        lines = [f"network | {event}" for event in self._events()[-10:]]
        lines += [f"jobs | {job}" for job in self.jobs.splitlines()]
        logs = [self.directory / "console.log", self.directory / "qemu.log"]
        logs += [self.directory.parent / f"{server}.log" for server in ("dhcp", "tftp", "nfs")]
        lines += [text for text in map(last_lines, logs) if text]
        if self.process.poll() is None:
            self.qmp.execute("screendump", filename=f"{LAB}/{self.node.name}/screen.png", format="png")
            lines.append(f"screen: {self.directory / 'screen.png'}")
        return NodeStuck(self.node.name, self.progress.phase, what, "\n".join(lines))


@contextmanager
def power_on(
    node: Node, process: subprocess.Popen[bytes], directory: Path, captured: Capture, word: str
) -> Iterator[VirtualNode]:
    """Follow a node that QEMU (`process`) has just begun to run until it runs; power it off in the end.

    `directory` holds the node's sockets and console, `word` marks its agent's answers.

    :raises NodeStuck: the node hung or QEMU ended.
    """
    progress = Progress(time.monotonic())
    with ExitStack() as stack:
        stack.callback(_end, process)
        _await_socket(directory / "agent.sock", process)
        agent = stack.enter_context(closing(Agent(directory / "agent.sock", word)))
        qmp = stack.enter_context(closing(Qmp(directory / "qmp.sock")))
        virtual = VirtualNode(node, process, directory, captured, progress, qmp, agent)
        virtual.until_it_runs()
        yield virtual


def _await_socket(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + SECONDS_TO_POWER_ON
    while not path.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise NfsrootError("QEMU did not start", details=last_lines(path.parent / "qemu.log"))
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
