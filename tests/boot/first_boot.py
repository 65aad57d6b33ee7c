"""Boots a release's first node in a lab, and returns the lab's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from builder.boot.menus import menu_entries
from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.cases.node_run import SHUTDOWN
from builder.lab.checks import CHECKS
from builder.lab.checks.reboot import REBOOT
from builder.lab.faults import select_faults
from builder.lab.machine.node import VirtualNode
from builder.lab.released.release import Release
from builder.lab.report.report import LabReport, NodeReport
from builder.lab.run import run
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.choices import DhcpServer, TftpServer

NODE = "ssi1"
EVERY_CHECK = {check.name for check in CHECKS} | {REBOOT[0], SHUTDOWN[0]}
WITHOUT_KEYS = {"ssh keys", "ssh login", "ssh login by own key"}
"""The checks for which a recipe has to name a key."""
WITHOUT_LOG_SERVER = {"logs"}
"""The check for which a recipe has to name a log server."""


@dataclass(frozen=True)
class Boot:
    """A release, the lab's report on its node, and what its screen, serial console and kernel's command line hold.

    `answers` are what the node said to each question, while it ran.
    """

    release: Release
    report: LabReport
    screen: str = ""
    console: str = ""
    command_line: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)

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

    @property
    def given(self) -> tuple[str, ...]:
        """The arguments that nfsroot and the recipe mean to give to the node's kernel."""
        _, entry = next(menu_entries(self.release.layout))
        return entry.arguments + entry.own


def reasons(boot: Boot) -> dict[str, str]:
    """What each check of the node saw."""
    return {check.name: check.reason for check in boot.node.checks}


def assert_fell_back(boot: Boot) -> None:
    """The node asked for the kernel of the release after its own in vain, and passed every check of its own."""
    assert boot.wrong == []
    assert reasons(boot)["missing-kernel"].startswith("the node booted: ")
    assert f"/{boot.release.manifest.version}" in boot.command_line


def booted(
    release: Release,
    cache: Cache,
    firmware: Firmware,
    dhcp: DhcpServer | None = None,
    tftp: TftpServer | None = None,
    nic: Nic = Nic.VIRTIO_NET,
    *,
    reboot: bool = False,
    ssh_key: Path | None = None,
    faults: Sequence[str] = (),
    questions: Sequence[str] = (),
    state: Path | None = None,
) -> Boot:
    """Boot the release's first node in a lab, ask it the questions (scripts of sh(1)), and return the result."""
    wanted = replace(
        make_case(release, [NODE], firmware, dhcp, tftp, nic),
        reboot=reboot,
        ssh_key=ssh_key,
        state=state,
        faults=select_faults(faults, release.recipe),
    )
    looked: dict[str, str] = {}
    answers: dict[str, str] = {}

    def look(nodes: Sequence[VirtualNode]) -> None:
        for virtual in nodes:
            looked["screen"] = virtual.ask("cat /dev/vcs1").text
            looked["command_line"] = virtual.ask("cat /proc/cmdline").text
            looked["console"] = (virtual.directory / "console.log").read_text(errors="replace")
            answers.update({question: virtual.ask(question).text for question in questions})

    return Boot(release, run(release, [wanted], cache, lambda _: None, look), answers=answers, **looked)
