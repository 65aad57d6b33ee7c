"""What came of booting a release's first node."""

from __future__ import annotations

from dataclasses import dataclass

from builder.lab.checks import CHECKS
from builder.lab.checks.reboot import REBOOT
from builder.lab.release import Release
from builder.lab.report import LabReport, NodeReport
from builder.lab.trial import SHUTDOWN

NODE = "ssi1"
EVERY_CHECK = {check.name for check in CHECKS} | {REBOOT[0], SHUTDOWN[0]}
WITHOUT_KEYS = {"ssh keys", "ssh login", "ssh login by own key"}
"""The checks for which a recipe has to name a key."""


@dataclass(frozen=True)
class Boot:
    """A release and the lab's report on its node."""

    release: Release
    report: LabReport

    @property
    def node(self) -> NodeReport:
        """The only node that was booted."""
        (cell,) = self.report.cells
        (node,) = cell.nodes
        return node

    @property
    def wrong(self) -> list[str]:
        """Everything that ought not to be so, in words."""
        stopped = [f"{self.node.stopped.reason}\n{self.node.stopped.details}"] if self.node.stopped else []
        return stopped + [f"{check.name}: {check.reason}" for check in self.node.failed]


def reasons(boot: Boot) -> dict[str, str]:
    """What each check of the node saw."""
    return {check.name: check.reason for check in boot.node.checks}
