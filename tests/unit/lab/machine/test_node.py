"""How long the lab waits for a node: events as a node's boot was recorded, up to where it hangs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from builder.errors import NfsrootError
from builder.lab.machine import node as node_module
from builder.lab.machine.agent import Answer
from builder.lab.machine.node import NodeStuck, VirtualNode
from builder.lab.measure.progress import LIMITS, ORDER, Progress
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import Kind, WireEvent
from builder.recipe.models import Recipe

RECORDED = (
    (5.2, Kind.DHCP_ACK, "192.168.0.101", Phase.DHCP),
    (18.7, Kind.TFTP_READ, "/grub/grub.cfg", Phase.LOADER),
    (24.8, Kind.TFTP_DONE, "/kerrighed/1/initrd.img-6.12", Phase.GRUB),
    (40.5, Kind.DHCP_DISCOVER, "Linux ipconfig", Phase.KERNEL),
    (40.6, Kind.PORTMAP, "", Phase.INITRAMFS),
    (40.7, Kind.NFS, "", Phase.ROOT),
)
"""What ended each phase of a boot, and when."""


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class FakeMachine:
    """A virtual machine that listens after a number of knocks (None: never) and answers as it is told to."""

    def __init__(self, directory: Path, clock: Clock, knocks: int | None, jobs: str, status: int | None) -> None:
        self.directory = directory
        self.process = self.agent = self
        self._clock, self._knocks, self._jobs, self._status = clock, knocks, jobs, status

    def poll(self) -> int | None:
        return self._status

    def knock(self, patience: float) -> bool:
        self._clock.sleep(4.0 * patience)
        self._knocks = None if self._knocks is None else self._knocks - 1
        return self._knocks == 0

    def ask(self, script: str, _seconds: float) -> Answer:
        return Answer(0, "40.25\n38000000" if script == node_module.FINISHED else self._jobs)


class Recording:
    """What was seen on the network, up to now."""

    def __init__(self, clock: Clock, powered_on: float, events: Sequence[WireEvent]) -> None:
        self._clock, self._began, self.events = clock, powered_on, list(events)

    def since(self, _time: float, _mac: str) -> list[WireEvent]:
        return [event for event in self.events if event.time <= self._clock.now]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that nodes go by."""
    clock = Clock()
    monkeypatch.setattr(node_module, "time", clock)
    return clock


def booting(
    recipe: Recipe,
    directory: Path,
    clock: Clock,
    phases: Sequence[Phase],
    knocks: int | None = None,
    jobs: str = "running\n",
    status: int | None = None,
    patience: float = 1.0,
) -> VirtualNode:
    """A node that gets through these phases as recorded and shows nothing more on the network."""
    node = recipe.cluster.nodes[0]
    events = [
        WireEvent(clock.now + seconds, node.mac, kind, text)
        for seconds, kind, text, ended in RECORDED
        if ended in phases
    ]
    machine: Any = FakeMachine(directory, clock, knocks, jobs, status)
    captured: Any = Recording(clock, clock.now, events)
    return VirtualNode(node, machine, captured, Progress(clock.now, patience))


def test_a_node_that_starts_anew_by_itself_is_given_up(kerrighed: Recipe, tmp_path: Path, clock: Clock) -> None:
    """A node whose kernel panicked and which boots again has failed, in the phase in which that happened."""
    panicked = booting(kerrighed, tmp_path, clock, [Phase.GRUB, Phase.KERNEL])
    again = WireEvent(clock.now + 75.0, panicked.node.mac, Kind.DHCP_DISCOVER, "PXEClient:Arch:00000")
    recorded: Any = panicked.captured
    recorded.events.append(again)
    with pytest.raises(NodeStuck) as error:
        panicked.wait_until_running()
    assert error.value.brief == "ssi1 rebooted by itself in phase initramfs"


@pytest.mark.parametrize("phase", ORDER[: ORDER.index(Phase.CHECKS)])
@pytest.mark.parametrize("patience", [1.0, 0.25])
def test_a_node_that_hangs_is_given_up_in_its_phase(
    kerrighed: Recipe, tmp_path: Path, clock: Clock, phase: Phase, patience: float
) -> None:
    """In each phase the lab waits for that phase's limit and no longer, and names phase, limit and what it saw last."""
    before = ORDER[: ORDER.index(phase)]
    stuck = booting(kerrighed, tmp_path, clock, before, patience=patience)
    with pytest.raises(NodeStuck) as error:
        stuck.wait_until_running()
    limit = LIMITS[phase] * patience
    assert error.value.phase is phase
    assert error.value.brief == f"ssi1 hung for {limit:.0f} s in phase {phase}"
    began = max((seconds for seconds, _, _, ended in RECORDED if ended in before), default=0.0)
    assert limit < clock.now - 1000.0 - began < limit + 6.0
    seen = [kind for _, kind, _, ended in RECORDED if ended in before]
    assert all(kind in error.value.details for kind in seen)


def test_units_that_never_start(kerrighed: Recipe, tmp_path: Path, clock: Clock) -> None:
    """A node whose systemd has jobs left for ever hangs in phase systemd, and the jobs are named."""
    jobs = "starting\n87 network-online.target start waiting"
    stuck = booting(kerrighed, tmp_path, clock, ORDER, knocks=2, jobs=jobs)
    with pytest.raises(NodeStuck, match="hung for 300 s in phase systemd") as error:
        stuck.wait_until_running()
    assert "jobs | 87 network-online.target start waiting" in error.value.details


def test_qemu_that_ends(kerrighed: Recipe, tmp_path: Path, clock: Clock) -> None:
    """A node whose QEMU ended is given up at once, in the phase that it had got to."""
    (tmp_path / "qemu.log").write_text("could not allocate memory\n")
    ended = booting(kerrighed, tmp_path, clock, [Phase.DHCP], status=1)
    clock.sleep(6.0)
    with pytest.raises(NodeStuck, match="ssi1 stopped in phase loader") as error:
        ended.wait_until_running()
    assert "could not allocate memory" in error.value.details


def test_a_node_that_runs(kerrighed: Recipe, tmp_path: Path, clock: Clock) -> None:
    """A node that gets through every phase is not given up, however it was knocked at."""
    node = booting(kerrighed, tmp_path, clock, ORDER, knocks=3)
    node.wait_until_running()
    assert node.progress.phase is Phase.CHECKS
    assert node.progress.ended[Phase.SYSTEMD] == clock.now - 2.25


def test_a_boot_that_never_finished() -> None:
    """What systemd has not finished ends when the lab learns of it."""
    assert node_module.parse_seconds_since("40.25\n0") == 0.0


def test_a_node_that_does_not_say_when() -> None:
    """What is no answer is an error that tells what it was."""
    with pytest.raises(NfsrootError, match="has no times") as error:
        node_module.parse_seconds_since("40.25\nFailed to connect to bus")
    assert "Failed to connect to bus" in error.value.details


@pytest.mark.parametrize(("patience", "limit"), [(2.0, 240.0), (0.25, 120.0)])
def test_a_node_that_falls_silent_in_its_checks(
    kerrighed: Recipe, tmp_path: Path, clock: Clock, patience: float, limit: float
) -> None:
    """A question of the checks has a limit, too, which the lab's patience stretches, and no fault shortens."""
    node = booting(kerrighed, tmp_path, clock, ORDER, knocks=1, patience=patience)
    asked: list[float] = []

    def silent(_script: str, seconds: float) -> Answer:
        asked.append(seconds)
        raise NfsrootError(f"the node did not answer within {seconds:.0f} s")

    node.machine.agent.ask = silent  # type: ignore[method-assign]
    with pytest.raises(NfsrootError, match=f"did not answer within {limit:.0f} s"):
        node.ask("hostname")
    assert asked == [limit]


def test_screenshot(kerrighed: Recipe, tmp_path: Path, clock: Clock) -> None:
    """QEMU is told to write a PNG file where the rack's machine has the node's directory, and its bytes are given."""
    node = booting(kerrighed, tmp_path, clock, ORDER)

    def execute(command: str, **arguments: str) -> None:
        assert (command, arguments) == ("screendump", {"filename": "/lab/ssi1/screen.png", "format": "png"})
        (tmp_path / "screen.png").write_bytes(b"a picture")

    machine: Any = node.machine
    machine.qmp = machine
    machine.execute = execute
    assert node.take_screenshot() == b"a picture"
