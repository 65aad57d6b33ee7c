"""A node of a story, which runs through several scenes and reboots now and then."""

from __future__ import annotations

import contextlib
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from builder.errors import NfsrootError
from builder.lab.checks.identity import HOST_KEYS
from builder.lab.events import Emit, Rebooting
from builder.lab.machine.node import RESET_BY_ITSELF, NodeStuck, VirtualNode
from builder.lab.report.report import NodeReport
from builder.lab.story.stage import Stage
from builder.lab.trial.trial import SECONDS_TO_SHUT_DOWN, Trial
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.models import Node

MOUNTED = "awk '$1 ~ /:\\// { print $1 }' /proc/mounts"
"""Prints the sources of all mounts from servers, a line each."""


@dataclass(frozen=True)
class Span:
    """Something that a node did from `began` to `ended` (seconds, time.monotonic()), in words."""

    node: str
    began: float
    ended: float
    what: str


@dataclass
class StoryNode:
    """A node of a story: its running machine, and its boots so far.

    `patience` multiplies every limit of time.  `powered` keeps the node powered on; its end cuts the power.
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
    def name(self) -> str:
        """The node's host name."""
        return self.node.name

    @property
    def running(self) -> VirtualNode:
        """The running machine of the node; raises NfsrootError when the node is off."""
        if self.virtual is None:
            raise NfsrootError(f"{self.name} does not run")
        return self.virtual

    def boot(self, letter: str) -> list[str]:
        """Power the node on, make every check of the lab on it as a node of a release, and give all problems.

        The node boots the release that its menu names, which may be another one.
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
        """Reboot the node as an administrator does, check it as `boot` does, and give all problems."""
        self.go_down_to_reboot()
        return self.boot(letter)

    def go_down_to_reboot(self) -> None:
        """Let the node go down for a reboot, as by an administrator; raises NfsrootError when it stays up.

        The caller has to power the node on.
        """
        self.emit(Rebooting(self.name))
        seconds = SECONDS_TO_SHUT_DOWN * self.patience
        if not self.running.reboot(seconds):
            raise NfsrootError(f"{self.name} had not gone down after {seconds:.0f} s to start anew")

    def power_off(self) -> None:
        """Cut the node's power."""
        self.powered.close()
        self.virtual = None

    def reboots_by_itself(self, letter: str, seconds: float) -> bool:
        """Power the node on, leave it alone, and tell whether it reboots by itself within `seconds`."""
        self.powered.close()
        began = time.monotonic()
        self.virtual = self.powered.enter_context(
            self.stage.rack(letter).power_on(self.node, Firmware.BIOS, self.patience)
        )
        self.virtual.machine.qmp.execute("set-action", reboot="shutdown")
        with contextlib.suppress(NodeStuck):  # the node reboots while it is watched
            self.virtual.wait_until_running()
        reason = self.virtual.machine.qmp.shutdown_reason(max(0.0, began + seconds - time.monotonic()))
        self._span(began, f"boots {letter}, and starts anew by itself" if reason else f"boots {letter}")
        return reason == RESET_BY_ITSELF

    def read_mounts(self) -> str:
        """The sources of all mounts from servers on the node, that of its root among them."""
        return self.running.ask(MOUNTED).text

    def read_host_keys(self) -> str:
        """The fingerprints of the node's ssh host keys."""
        return self.running.ask(HOST_KEYS).text

    def read_boot_id(self) -> str:
        """The identifier of the node's present boot (random(4))."""
        return self.running.ask("cat /proc/sys/kernel/random/boot_id").text

    def _span(self, began: float, what: str) -> None:
        self.spans.append(Span(self.name, began, time.monotonic(), what))
