"""A node's run with a fault in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from builder.errors import NfsrootError
from builder.lab.cases.node_run import NodeRun
from builder.lab.checks.model import Finding
from builder.lab.events import LabEvent, Struck
from builder.lab.faults.model import BootFault, Outcome, RunningFault
from builder.lab.machine.node import NodeStuck
from builder.lab.measure.progress import Progress
from builder.lab.report.report import RoundTrips, Traffic
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.phase import Phase
from builder.recipe.models import Recipe


class StuckNode:
    """A node that gets as far as GRUB, and no further."""

    def __init__(self, directory: Path, said: list[str]) -> None:
        self.directory = directory
        self.progress = Progress(0.0)
        self.machine = type("Machine", (), {"processor_seconds": lambda _: 1.5 * len(said)})()
        self._said = said
        (directory / "console.log").write_text("grub rescue>")

    def events(self) -> list[object]:
        return []

    def wait_until_running(self, watch: Callable[[], None]) -> None:
        watch()
        self.progress.end(Phase.LOADER, 2.0)
        watch()
        self._said.append("stuck")
        raise NodeStuck("ssi1", Phase.GRUB, "hung for 75 s", "")

    def take_screenshot(self) -> bytes:
        return b"PNG"


class FakeRack:
    """A rack in which every node gets stuck; `said` is what happened, in order."""

    def __init__(self, recipe: Recipe, directory: Path) -> None:
        self.release = type("Release", (), {"recipe": recipe})
        self.said: list[str] = []
        self._directory = directory

    @contextmanager
    def power_on(self, *_of: object) -> Iterator[StuckNode]:
        self.said.append("on")
        yield StuckNode(self._directory, self.said)

    def count_bytes(self, _node: object) -> Traffic:
        return Traffic(tftp=1000 * len(self.said))

    def count_round_trips(self, _node: object) -> RoundTrips:
        return RoundTrips(tftp=len(self.said))


@pytest.fixture
def rack(kerrighed: Recipe, tmp_path: Path) -> Any:
    """A rack of the recipe."""
    return FakeRack(kerrighed, tmp_path)


def tried(rack: Any, fault: BootFault | None, events: list[LabEvent] | None = None) -> NodeRun:
    """The run of ssi1, which gets stuck."""
    node = rack.release.recipe.cluster.nodes[0]
    emit = [] if events is None else events
    run = NodeRun(rack, node, Firmware.BIOS, 1.0, emit.append, fault=fault)
    with ExitStack() as powered:
        run.run(powered)
    return run


def fault(rack: Any, finding: Finding) -> BootFault:
    """A fault that notes when it does what, and is judged as told."""

    def judge(outcome: Outcome) -> Finding:
        rack.said.append(f"judged: {outcome.stopped.phase if outcome.stopped else None}")
        return finding

    return BootFault(
        name="storm",
        done="it thunders",
        holds="the lab says so",
        judge=judge,
        prepare=lambda rack, node: rack.said.append(f"prepared for {node.name}"),
        reach={
            Phase.DHCP: lambda rack, _: rack.said.append("at DHCP"),
            Phase.LOADER: lambda rack, _: rack.said.append("at loader"),
        },
    )


def test_fault_befalls_a_boot_step_by_step(rack: Any) -> None:
    """It is prepared before power-on, acts at each of its phases of a node that rushes on, and is judged at last."""
    events: list[LabEvent] = []
    tried(rack, fault(rack, Finding("")), events)
    assert rack.said == ["prepared for ssi1", "on", "at DHCP", "at loader", "stuck", "judged: GRUB"]
    assert Struck("ssi1", "it thunders") in events


def test_report_tells_what_each_phase_took(rack: Any) -> None:
    """What was moved, asked and computed while a node was in a phase stands with that phase, and adds up."""
    report = tried(rack, fault(rack, Finding(""))).report()
    assert [(time.phase, time.work.traffic.tftp, time.work.processor_seconds) for time in report.phases] == [
        (Phase.DHCP, 1000, 1.5),
        (Phase.LOADER, 0, 0.0),
    ]
    assert report.traffic == Traffic(tftp=5000)


def test_what_a_stopped_node_is_worth(rack: Any) -> None:
    """A node that stopped has failed, unless its fault was to stop it: then the judgement on the fault decides."""
    assert not tried(rack, None).passed
    assert tried(rack, fault(rack, Finding("as it must"))).passed
    failed = tried(rack, fault(rack, Finding("", ("in the wrong phase",))))
    assert not failed.passed
    assert [(each.name, each.holds, each.reason) for each in failed.results] == [
        ("storm", "it thunders: the lab says so", "in the wrong phase")
    ]


def test_fault_of_a_node_that_runs(rack: Any) -> None:
    """What a fault finds is a check of the node; a node that does not answer has not borne it."""

    def silent(*_of: object) -> Finding:
        raise NfsrootError("the node did not answer within 360 s")

    run = tried(rack, None)
    run.suffer(RunningFault("rain", "it rains", "the node goes on", lambda *_: Finding("it went on")))
    run.suffer(RunningFault("flood", "the sea rises", "the node goes on", silent))
    assert [(each.name, each.passed, each.reason) for each in run.results] == [
        ("rain", True, "it went on"),
        ("flood", False, "the node did not answer within 360 s"),
    ]
