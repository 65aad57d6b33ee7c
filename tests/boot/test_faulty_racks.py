"""What goes wrong around nodes is borne, or told plainly: real racks, few boots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.cases.matrix import SERVERS
from builder.lab.faults import select_faults
from builder.lab.faults.dhcp import check_strangers, wait_for_offer
from builder.lab.rack.rack import run_rack
from builder.lab.released.release import Release
from builder.lab.report.report import LabReport
from builder.lab.run import run
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import DhcpServer, TftpServer
from builder.release.manifest import Lab

pytestmark = pytest.mark.boot

SECONDS_STOPPED = 2.0
"""How long a server that was stopped gets for an answer: a server that runs takes a second at most."""

ReleaseToBoot = Callable[[str], Release]


def tried(release: Release, nodes: list[str], faults: list[str], cache: Cache) -> LabReport:
    """The report on nodes of a release that were booted at once by BIOS, in one rack with all these faults."""
    healthy = make_case(release, nodes, Firmware.BIOS)
    return run(release, [replace(healthy, faults=select_faults(faults, release.recipe))], cache, lambda _: None)


def outcomes(report: LabReport) -> dict[str, list[str]]:
    """Of each node: every check that it failed, and where it stopped."""
    return {
        node.name: [f"{check.name}: {check.reason}" for check in node.failed]
        + ([node.stopped.reason] if node.stopped else [])
        for cell in report.cells
        for node in cell.nodes
    }


def test_node_that_runs(release_to_boot: ReleaseToBoot, cache: Cache) -> None:
    """A node whose own menu is missing boots by the default one; then it gets over an outage of NFS and of DHCP."""
    faults = ["missing-menu", "nfs-outage", "dhcp-restart", "unknown-mac"]
    report = tried(release_to_boot("debian-nfsroot"), ["ssi1"], faults, cache)
    assert outcomes(report) == {"ssi1": []}
    assert report.verdict is Lab.PASSED
    (cell,) = report.cells
    assert sorted(cell.faults) == sorted(faults)
    assert set(faults) < {check.name for check in cell.nodes[0].checks}


def test_nodes_that_cannot_run(release_to_boot: ReleaseToBoot, cache: Cache) -> None:
    """A node whose initramfs is not whole and one that hangs are given up in the phase that they are in."""
    release = release_to_boot("kerrighed")
    report = tried(release, ["ssi1", "ssi2"], ["corrupt-initrd", "hang"], cache)
    (cell,) = report.cells
    assert [node.stopped.phase for node in cell.nodes if node.stopped] == [Phase.KERNEL, Phase.KERNEL]
    assert [[check.name for check in node.checks] for node in cell.nodes] == [["corrupt-initrd"], ["hang"]]
    assert report.verdict is Lab.PASSED
    assert "ssi2 hung for 60 s in phase kernel" in (release.directory / "lab.html").read_text()


@pytest.mark.parametrize(("dhcp", "tftp"), SERVERS)
def test_unknown_machine_is_not_answered(
    release_to_boot: ReleaseToBoot, tmp_path: Path, cache: Cache, dhcp: DhcpServer, tftp: TftpServer
) -> None:
    """Each DHCP server makes a node an offer, and none to a machine that is no node; stopped, it makes none at all."""
    release = release_to_boot("kerrighed")
    known = release.recipe.cluster.nodes[0].mac
    wanted = make_case(release, [], Firmware.BIOS, dhcp, tftp)
    with run_rack(release, wanted.server, wanted.kind, tmp_path, cache) as running:
        assert check_strangers(running, known).problems == ()
        running.server_machine.stop_role("dhcp")
        assert not wait_for_offer(running, known, SECONDS_STOPPED)
