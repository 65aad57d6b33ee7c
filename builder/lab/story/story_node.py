"""A node of a story, which runs during several scenes and reboots in some of them."""

from __future__ import annotations

import contextlib
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from builder.errors import NfsrootError
from builder.lab.cases.node_run import SECONDS_TO_SHUT_DOWN, NodeRun
from builder.lab.checks.identity import HOST_KEYS
from builder.lab.events import Emit, Rebooting
from builder.lab.machine.node import RESET_BY_ITSELF, NodeStuck, VirtualNode
from builder.lab.report.report import NodeReport
from builder.lab.story.stage import Stage
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.models import Node

MOUNTED = "awk '$1 ~ /:\\// { print $1 }' /proc/mounts"
"""Prints the source of each mount from a server, on a line of its own."""


@dataclass(frozen=True)
class Span:
    """An action of a node, from `began` to `ended` (seconds, time.monotonic()), which `what` describes."""

    node: str
    began: float
    ended: float
    what: str


@dataclass
class StoryNode:
    """A node of a story: its virtual machine, and the reports on its boots so far.

    `patience` multiplies time limits.  `powered` keeps the node powered on, and cuts the power when it is closed.
    """

    stage: Stage
    node: Node
    emit: Emit
    patience: float
    virtual: VirtualNode | None = None
    powered: ExitStack = field(default_factory=ExitStack)
    spans: list[Span] = field(default_factory=list)
    reports: list[NodeReport] = field(default_factory=list)
    last: NodeRun | None = None

    @property
    def name(self) -> str:
        """The node's host name."""
        return self.node.name

    @property
    def running(self) -> VirtualNode:
        """The node's virtual machine; raises NfsrootError when the node is off."""
        if self.virtual is None:
            raise NfsrootError(f"{self.name} does not run")
        return self.virtual

    def boot(self, letter: str) -> list[str]:
        """Power the node on, make every check of the lab for a release, and give all problems.

        The node boots the release that its menu names, which may differ from the release of the checks.
        """
        self.powered.close()
        began = time.monotonic()
        run = NodeRun(self.stage.rack(letter), self.node, Firmware.BIOS, self.patience, self.emit)
        run.run(self.powered)
        self.last, self.virtual = run, run.virtual
        self.reports.append(run.report())
        self._span(began, f"boots {letter}, and is checked")
        stopped = [f"{run.stopped.reason}\n{run.stopped.details}"] if run.stopped else []
        return stopped + [f"{check.name}: {check.reason}" for check in run.results if not check.passed]

    def reboot(self, letter: str) -> list[str]:
        """Reboot the node by systemd, check it as `boot` does, and give all problems."""
        self.go_down_to_reboot()
        return self.boot(letter)

    def go_down_to_reboot(self) -> None:
        """Shut the node down for a reboot, by systemd; the caller has to power it on again.

        :raises NfsrootError: the node does not shut down in time.
        """
        self.emit(Rebooting(self.name))
        seconds = SECONDS_TO_SHUT_DOWN * self.patience
        if not self.running.reboot(seconds):
            raise NfsrootError(f"{self.name} did not shut down for a reboot within {seconds:.0f} s")

    def power_off(self) -> None:
        """Cut the node's power."""
        self.powered.close()
        self.virtual = None

    def reboots_by_itself(self, letter: str, seconds: float) -> bool:
        """Power the node on, and tell whether it reboots by itself within `seconds`."""
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
        """Read the sources of the node's mounts from servers; that of its root is among them."""
        return self.running.ask(MOUNTED).text

    def read_host_keys(self) -> str:
        """Read the fingerprints of the node's ssh host keys."""
        return self.running.ask(HOST_KEYS).text

    def read_boot_id(self) -> str:
        """Read the identifier of the node's present boot (random(4))."""
        return self.running.ask("cat /proc/sys/kernel/random/boot_id").text

    def _span(self, began: float, what: str) -> None:
        self.spans.append(Span(self.name, began, time.monotonic(), what))
