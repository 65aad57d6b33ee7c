"""A node in QEMU, from power-on to power-off."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab.machine.agent import Answer
from builder.lab.machine.paths import INSIDE, list_server_logs, read_last_lines
from builder.lab.machine.running_machine import RunningMachine, connect_machine
from builder.lab.measure.progress import Progress
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.capture import Capture
from builder.lab.wire.event import WireEvent
from builder.recipe.models import Node

POLL_SECONDS = 0.2
STARTED_POLL_SECONDS = 1.0
PAUSE = 4.0
"""The pause between two questions about systemd's state, as a multiple of the time that the node took to answer.

An answer takes processor time from the node's start.
"""

STARTING = frozenset({"initializing", "starting", "offline", "unknown"})
"""The states in which systemd is not up yet."""

FINISHED = "cut -d ' ' -f 1 /proc/uptime; systemctl show --property=FinishTimestampMonotonic --value"
"""Prints the present time, in seconds, and the time when systemd had started everything, in microseconds.

Both count from the start of the node's kernel.
"""

SECONDS_TO_ANSWER = 120.0
SCREEN = "screen.png"
LATER = "(sleep 1; systemctl --no-block {command}) >/dev/null 2>&1 </dev/null &"
"""Runs a command of systemd a second later: the command ends the lab's agent, perhaps before the agent answers."""

POWERED_OFF_BY_ITSELF, RESET_BY_ITSELF = "guest-shutdown", "guest-reset"
"""QEMU's reasons for its end: the guest turned the power off, or the guest rebooted (QMP, ShutdownCause)."""


class NodeStuck(NfsrootError):
    """A boot failed in `phase`.  The details end with the last lines of logs."""

    def __init__(self, node: str, phase: Phase, what: str, details: str) -> None:
        self.phase = phase
        super().__init__(f"{node} {what} in phase {phase}", details=details)


@dataclass
class VirtualNode:
    """A node that is powered on, and the progress of its boot."""

    node: Node
    machine: RunningMachine
    captured: Capture
    progress: Progress
    jobs: str = ""

    @property
    def directory(self) -> Path:
        """The directory with the node's sockets and logs."""
        return self.machine.directory

    def wait_until_running(self, watch: Callable[[], None] = lambda: None) -> None:
        """Wait until systemd has started everything, even if units failed; `watch` is called several times a second.

        :raises NodeStuck: the node hung or QEMU ended.
        """
        listens = runs = False
        while not runs:
            for event in self.events():
                self.progress.observe(event)
            watch()
            self._check()
            if self.progress.phase is not Phase.SYSTEMD:
                time.sleep(POLL_SECONDS)
            elif not listens:
                listens = self.machine.knock(self.progress.patience)
            else:
                runs = self._is_started()
        asked = time.monotonic()
        self.progress.end(Phase.SYSTEMD, asked - parse_seconds_since(self.ask(FINISHED).text))

    def ask(self, script: str) -> Answer:
        """Run `script` with the node's sh(1), as root.

        :raises NfsrootError: the node does not answer.
        """
        # Patience below 1 is for nodes that may stop in a phase; this node answers.
        return self.machine.agent.ask(script, SECONDS_TO_ANSWER * max(1.0, self.progress.patience))

    def reboot(self, seconds: float) -> bool:
        """Reboot the node by systemd, which ends QEMU; tell whether it ended within `seconds`.

        The caller then powers the node on again.  QEMU could also reset the machine, but then UEFI takes a hundred
        seconds to its first DHCP request, and not four, when QEMU runs without KVM (QEMU 7.2).
        """
        self.machine.qmp.execute("set-action", reboot="shutdown")
        self.ask(LATER.format(command="reboot"))
        if self.machine.qmp.shutdown_reason(seconds) != RESET_BY_ITSELF:
            return False
        # If nsenter(1) were killed, it would end before QEMU, whose tap device the next QEMU needs.
        self.machine.process.wait()
        return True

    def power_off(self, seconds: float) -> float | None:
        """Shut the node down by systemd, and give the seconds until it turned its power off.

        None when the power is still on after `seconds`.
        """
        began = time.monotonic()
        self.ask(LATER.format(command="poweroff"))
        reason = self.machine.qmp.shutdown_reason(seconds)
        return time.monotonic() - began if reason == POWERED_OFF_BY_ITSELF else None

    def take_screenshot(self) -> bytes:
        """Give a picture of the node's screen, as a PNG file (QEMU >= 7.1, qemu-qmp-ref(7), "screendump")."""
        self.machine.qmp.execute("screendump", filename=f"{INSIDE}/{self.node.name}/{SCREEN}", format="png")
        return (self.directory / SCREEN).read_bytes()

    def events(self) -> list[WireEvent]:
        """List the node's events on the network since its power-on."""
        return self.captured.since(self.progress.powered_on, self.node.mac)

    def _is_started(self) -> bool:
        """Ask whether systemd has started everything (systemctl(1), "is-system-running"), and wait a while if not."""
        began = time.monotonic()
        answer = self.ask("systemctl is-system-running; systemctl list-jobs --plain --no-legend")
        state, _, self.jobs = answer.text.partition("\n")
        if state not in STARTING:
            return True
        time.sleep(max(STARTED_POLL_SECONDS, PAUSE * (time.monotonic() - began)))
        return False

    def _check(self) -> None:
        if self.machine.process.poll() is not None:
            raise self._stuck("stopped")
        if self.progress.started_anew:
            raise self._stuck("rebooted by itself")
        if self.progress.is_overdue(time.monotonic()):
            raise self._stuck(f"hung for {self.progress.limit:.0f} s")

    def _stuck(self, what: str) -> NodeStuck:
        lines = [f"network | {event}" for event in self.events()[-10:]]
        lines += [f"jobs | {job}" for job in self.jobs.splitlines()]
        written = [self.directory / "qemu.log", *list_server_logs(self.directory.parent)]
        lines += [text for text in map(read_last_lines, written) if text]
        return NodeStuck(self.node.name, self.progress.phase, what, "\n".join(lines))


def parse_seconds_since(output: str) -> float:
    """Compute from `output`, that of FINISHED, how many seconds ago systemd had started everything.

    0 when systemd has not started everything, for example because its start was interrupted.

    :raises NfsrootError: `output` does not have the two times.
    """
    try:
        now, finished = map(float, output.split())
    except ValueError:
        raise NfsrootError("the node's answer has no times of its start", details=output) from None
    return now - finished / 1e6 if finished else 0.0


@contextmanager
def follow_node(
    node: Node, process: subprocess.Popen[bytes], directory: Path, captured: Capture, word: str, patience: float
) -> Iterator[VirtualNode]:
    """Connect to a node that QEMU (`process`) has begun to run; its power is cut when the block is left.

    `directory` has the node's sockets and console, `word` marks the answers of its agent, and `patience` multiplies
    every time limit.

    :raises NfsrootError: QEMU did not start.
    """
    progress = Progress(time.monotonic(), patience)
    with connect_machine(process, directory, word) as machine:
        yield VirtualNode(node, machine, captured, progress)
