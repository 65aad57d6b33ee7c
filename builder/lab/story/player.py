"""A node of a story: it is powered on, runs through several scenes, and starts anew now and then."""

from __future__ import annotations

import contextlib
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from builder.errors import NfsrootError
from builder.lab.checks.identity import HOST_KEYS
from builder.lab.events import Emit, Rebooting
from builder.lab.node import RESET_BY_ITSELF, NodeStuck, VirtualNode
from builder.lab.qemu import Firmware
from builder.lab.report import NodeReport
from builder.lab.story.stage import Stage
from builder.lab.trial import SECONDS_TO_SHUT_DOWN, Trial
from builder.recipe.models import Node

MOUNTED = "awk '$1 ~ /:\\// { print $1 }' /proc/mounts"
"""Prints what is mounted from servers, a line each."""


@dataclass(frozen=True)
class Span:
    """Something that a node did from `began` to `ended` (seconds, time.monotonic()), in words."""

    node: str
    began: float
    ended: float
    what: str


@dataclass
class Player:
    """A node: what runs of it now, and what it did so far.

    `patience` multiplies every limit of time.  `powered` holds the power of its present boot.
    """

    stage: Stage
    node: Node
    emit: Emit
    patience: float
    virtual: VirtualNode | None = None
    powered: ExitStack = field(default_factory=ExitStack)
    spans: list[Span] = field(default_factory=list)
    reports: list[NodeReport] = field(default_factory=list)
    last: Trial | None = None

    @property
    def running(self) -> VirtualNode:
        """The node, which is on; raises NfsrootError when it is not."""
        if self.virtual is None:
            raise NfsrootError(f"{self.node.name} does not run")
        return self.virtual

    def boot(self, letter: str) -> list[str]:
        """Power the node on, from whatever its menu says, and make every check of the lab on it as a node of a release.

        Everything that is not as it ought to be.
        """
        self.powered.close()
        began = time.monotonic()
        trial = Trial(self.stage.rack(letter), self.node, Firmware.BIOS, self.patience, self.emit)
        trial.run(self.powered)
        self.last, self.virtual = trial, trial.virtual
        self.reports.append(trial.report())
        self._span(began, f"boots {letter}, and is checked")
        stopped = [f"{trial.stopped.reason}\n{trial.stopped.details}"] if trial.stopped else []
        return stopped + [f"{check.name}: {check.reason}" for check in trial.results if not check.passed]

    def reboot(self, letter: str) -> list[str]:
        """Have an administrator start the node anew, and check it as `boot` does."""
        self.go_down()
        return self.boot(letter)

    def go_down(self) -> None:
        """Have an administrator start the node anew, which is then to be powered on; raises NfsrootError."""
        self.emit(Rebooting(self.node.name))
        seconds = SECONDS_TO_SHUT_DOWN * self.patience
        if not self.running.starts_anew(seconds):
            raise NfsrootError(f"{self.node.name} had not gone down after {seconds:.0f} s to start anew")

    def power_off(self) -> None:
        """Take the power from the node."""
        self.powered.close()
        self.virtual = None

    def starts_by_itself(self, letter: str, seconds: float) -> bool:
        """Power the node on and leave it alone; whether it starts anew by itself within `seconds`."""
        self.powered.close()
        began = time.monotonic()
        self.virtual = self.powered.enter_context(
            self.stage.rack(letter).power_on(self.node, Firmware.BIOS, self.patience)
        )
        self.virtual.machine.qmp.execute("set-action", reboot="shutdown")
        with contextlib.suppress(NodeStuck):  # it starts anew while it is watched
            self.virtual.until_it_runs()
        reason = self.virtual.machine.qmp.shutdown_reason(max(0.0, began + seconds - time.monotonic()))
        self._span(began, f"boots {letter}, and starts anew by itself" if reason else f"boots {letter}")
        return reason == RESET_BY_ITSELF

    def runs_from(self) -> str:
        """Everything that the node has mounted from servers, its root among it."""
        return self.running.ask(MOUNTED).text

    def host_keys(self) -> str:
        """The fingerprints of the node's ssh host keys."""
        return self.running.ask(HOST_KEYS).text

    def boot_id(self) -> str:
        """The name of the node's present boot (random(4))."""
        return self.running.ask("cat /proc/sys/kernel/random/boot_id").text

    def _span(self, began: float, what: str) -> None:
        self.spans.append(Span(self.node.name, began, time.monotonic(), what))
