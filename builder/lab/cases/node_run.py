"""The run of a node in a test case: power-on, boot, checks, faults, reboot, power-off."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from builder.errors import NfsrootError
from builder.lab import checks
from builder.lab.checks import identity, reboot
from builder.lab.checks.model import Finding, Subject
from builder.lab.events import Checked, Done, Emit, LoaderRead, PhaseBegan, PoweredOn, Rebooting, Stopped, Struck
from builder.lab.faults.model import BootFault, Outcome, RunningFault, describe_fault
from builder.lab.machine.node import NodeStuck, VirtualNode
from builder.lab.measure.phase_work import Reading, divide_by_phase
from builder.lab.measure.progress import Progress, list_phases_since
from builder.lab.rack.rack import Rack
from builder.lab.report.report import CheckResult, NodeReport, PhaseTime, Stop, Traffic, Work
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import READ, Kind, WireEvent
from builder.recipe.choices import Transport
from builder.recipe.models import Node

SECONDS_TO_SHUT_DOWN = 180.0
SHUTDOWN = ("shutdown", f"the node shuts down cleanly within {SECONDS_TO_SHUT_DOWN:.0f} s")
LOADED = {Transport.TFTP: Kind.TFTP_DONE, Transport.HTTP: Kind.HTTP_DONE}
"""The event that ends the transfer of a file to a node, by the recipe's transport."""

JOURNAL = "journalctl --boot --no-pager --output=short-monotonic | tail -n 400"


@dataclass
class NodeRun:
    """The run of a node in a test case, and the results so far.

    With `reboots`, the node is rebooted at the end.  `ssh_key` is the file of a key that lets root log in.  `screen` is
    a PNG file, `console` the text that the node wrote to its serial port, and `journal` the end of its journal.
    """

    rack: Rack
    node: Node
    firmware: Firmware
    patience: float
    emit: Emit
    nic: Nic = Nic.VIRTIO_NET
    fault: BootFault | None = None
    reboots: bool = False
    ssh_key: Path | None = None
    virtual: VirtualNode | None = None
    stopped: Stop | None = None
    results: list[CheckResult] = field(default_factory=list)
    identity: identity.Identity | None = None
    screen: bytes = b""
    console: str = ""
    journal: str = ""
    _phases: tuple[PhaseTime, ...] = ()
    _traffic: Traffic = field(default_factory=Traffic)
    _readings: list[tuple[Phase, Reading]] = field(default_factory=list)
    _phase: Phase | None = None
    _loader: str | None = None

    def run(self, powered: ExitStack) -> None:
        """Boot the node and check it.  The node stays on until `powered` is closed, even when its boot failed."""
        self.emit(PoweredOn(self.node.name))
        try:
            if self.fault:
                self.emit(Struck(self.node.name, self.fault.done))
                self.fault.prepare(self.rack, self.node)
            self.virtual = powered.enter_context(self._power_on())
            self.virtual.wait_until_running(self._watch)
            self._check(self.virtual)
        except NfsrootError as error:
            self._stop(error)
        if self.virtual is not None:
            last = self._read(self.virtual)
            self._phases = combine_phase_times(self.virtual.progress, divide_by_phase(self._readings, last))
            self._traffic = last.traffic
            self._look(self.virtual)
            if self.fault:
                self.note(*describe_fault(self.fault), self.fault.judge(self._outcome(self.virtual)))

    def suffer(self, fault: RunningFault) -> None:
        """Make a fault happen to the node while it runs."""
        assert self.virtual is not None
        self.emit(Struck(self.node.name, fault.done))
        try:
            finding = fault.strike(self.rack, self.virtual)
        except NfsrootError as error:
            finding = Finding("", (error.brief,))
        self.note(*describe_fault(fault), finding)

    def note(self, name: str, holds: str, finding: Finding) -> None:
        """Record the outcome of a check."""
        result = CheckResult(name=name, holds=holds, passed=not finding.problems, reason=finding.reason)
        self.results.append(result)
        self.emit(Checked(self.node.name, result))

    def finish(self, powered: ExitStack) -> None:
        """Reboot the node if that is wanted, and shut it down, if it runs."""
        if self.virtual is not None and self.stopped is None:
            if self.reboots:
                self.note(*reboot.REBOOT, self._reboot(self.virtual, powered))
            self.note(*SHUTDOWN, self._shut_down(self.virtual))
        self.emit(Done(self.node.name, self.passed, self._seconds()))

    @property
    def passed(self) -> bool:
        """Whether the node booted and passed every check; a boot with a fault is judged by the fault's check alone."""
        came_through = self.stopped is None or self.fault is not None
        return came_through and bool(self.results) and all(result.passed for result in self.results)

    def report(self) -> NodeReport:
        """The report on the node."""
        return NodeReport(
            name=self.node.name,
            address=str(self.node.address),
            mac=self.node.mac,
            loader=self._loader,
            passed=self.passed,
            phases=self._phases,
            stopped=self.stopped,
            checks=tuple(self.results),
            traffic=self._traffic,
        )

    def _subject(self, virtual: VirtualNode) -> Subject:
        done = LOADED[self.rack.release.recipe.boot.transport]
        return Subject(
            release=self.rack.release,
            node=self.node,
            firmware=self.firmware,
            server=self.rack.server,
            ask=virtual.ask,
            run_on_server=self.rack.run_on_server,
            menus=_list_menus(virtual.events()),
            loaded=tuple(event.text for event in virtual.events() if event.kind is done),
            overlay=self.rack.overlay,
            run_on_network=self.rack.run_on_network,
            ssh_key=self.ssh_key,
        )

    def _check(self, virtual: VirtualNode) -> None:
        self._watch()
        subject = self._subject(virtual)
        for check, finding in checks.examine(subject):
            self.note(check.name, check.holds, finding)
        self.identity = identity.read_identity(subject)
        self.journal = virtual.ask(JOURNAL).text
        virtual.progress.end(Phase.CHECKS, time.monotonic())

    def _watch(self) -> None:
        """Emit the node's progress since the last call, and make its fault happen in the phases that it has reached."""
        assert self.virtual is not None
        progress = self.virtual.progress
        if self._loader is None:
            self._loader = next((e.text for e in self.virtual.events() if e.kind in READ), None)
            if self._loader is not None:
                self.emit(LoaderRead(self.node.name, self._loader))
        if progress.phase is not self._phase:
            self._readings.append((progress.phase, self._read(self.virtual)))
            self._befall(self.virtual, list_phases_since(self._phase, progress.phase))
            self._phase = progress.phase
            began = max(progress.ended.values(), default=progress.powered_on) - progress.powered_on
            self.emit(PhaseBegan(self.node.name, progress.phase, began))

    def _befall(self, virtual: VirtualNode, reached: Iterable[Phase]) -> None:
        """Call the fault's functions for the phases that the node reached."""
        for phase in reached:
            if self.fault and phase in self.fault.reach:
                self.fault.reach[phase](self.rack, virtual)

    def _outcome(self, virtual: VirtualNode) -> Outcome:
        return Outcome(self.rack.release.recipe, self.stopped, virtual.progress.seconds(), virtual.events())

    def _stop(self, error: NfsrootError) -> None:
        phase = error.phase if isinstance(error, NodeStuck) else self._phase or Phase.DHCP
        self.stopped = Stop(phase=phase, reason=error.brief, details=error.details)
        self.emit(Stopped(self.node.name, phase, error.brief))

    def _look(self, virtual: VirtualNode) -> None:
        self.console = (virtual.directory / "console.log").read_text(encoding="utf-8", errors="replace")
        try:
            self.screen = virtual.take_screenshot()
        except NfsrootError as error:
            self.console += f"\nThere is no picture of the screen: {error.brief}\n"

    def _reboot(self, virtual: VirtualNode, powered: ExitStack) -> Finding:
        self.emit(Rebooting(self.node.name))
        began = time.monotonic()
        try:
            before = reboot.read_boot(self._subject(virtual))
            if not virtual.reboot(SECONDS_TO_SHUT_DOWN * self.patience):
                return Finding("", ("the node did not shut down in time",))
            self.virtual = powered.enter_context(self._power_on())
            self.virtual.wait_until_running(self._watch)
            seconds = time.monotonic() - began
            finding = reboot.check_return(before, self._subject(self.virtual))
        except NfsrootError as error:
            self._look(self.virtual or virtual)
            self.console += f"\n{error}\n"
            return Finding("", (error.brief,))
        return Finding(f"after {seconds:.0f} s {finding.saw}", finding.problems)

    def _power_on(self) -> AbstractContextManager[VirtualNode]:
        return self.rack.power_on(self.node, self.firmware, self.patience, self.nic)

    def _read(self, virtual: VirtualNode) -> Reading:
        return Reading(
            self.rack.count_bytes(self.node),
            self.rack.count_round_trips(self.node),
            virtual.machine.processor_seconds(),
        )

    def _shut_down(self, virtual: VirtualNode) -> Finding:
        try:
            seconds = virtual.power_off(SECONDS_TO_SHUT_DOWN)
        except NfsrootError as error:
            return Finding("", (error.brief,))
        if seconds is None:
            return Finding("", ("the node did not turn its power off in time",))
        return Finding(f"after {seconds:.0f} s")

    def _seconds(self) -> float:
        return self._phases[-1].ended if self._phases else 0.0


def combine_phase_times(progress: Progress, work: Mapping[Phase, Work]) -> tuple[PhaseTime, ...]:
    """Combine the beginning, the end and the work of each phase that is over."""
    began, times = 0.0, []
    for phase, seconds in progress.seconds().items():
        done = work.get(phase, Work())
        times.append(PhaseTime(phase=phase, began=round(began, 3), ended=round(began + seconds, 3), work=done))
        began += seconds
    return tuple(times)


def _list_menus(events: Iterable[WireEvent]) -> tuple[str, ...]:
    """List the menus that DHCP named before the node asked for a boot loader."""
    before = takewhile(lambda event: event.kind not in READ, events)
    return tuple(event.text for event in before if event.kind is Kind.DHCP_MENU)
