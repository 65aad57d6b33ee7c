"""The run of a test case: a rack in which nodes boot at once, and the result."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path

from builder.cache import Cache
from builder.errors import InputError, NfsrootError
from builder.lab.checks import identity
from builder.lab.events import CaseBegan, Emit, LabEvent, RackReady
from builder.lab.faults.model import BootFault, RunningFault
from builder.lab.machine.node import VirtualNode
from builder.lab.machine.paths import NETWORK_LOG, list_server_logs, read_last_lines
from builder.lab.rack.rack import Rack, run_rack
from builder.lab.released.release import Release
from builder.lab.report.html import CaseEvidence, Evidence
from builder.lab.report.report import CellReport, DaemonTime
from builder.lab.server.protocol import Daemon
from builder.lab.trial.case import Case
from builder.lab.trial.trial import Trial
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import PATIENCE
from builder.parallel import crew

Meanwhile = Callable[[Sequence[VirtualNode]], None]
LOG_LINES = 200


@dataclass(frozen=True)
class ProcessorTime:
    """The processor time, in seconds, that the server's daemons and the lab itself have used."""

    daemons: Mapping[Daemon, float]
    lab: float

    def since(self, before: ProcessorTime) -> ProcessorTime:
        """Subtract the reading `before` from this one."""
        daemons = {daemon: seconds - before.daemons[daemon] for daemon, seconds in self.daemons.items()}
        return ProcessorTime(daemons, self.lab - before.lab)

    def report_daemons(self) -> tuple[DaemonTime, ...]:
        """Give the processor time of each daemon as the report has it."""
        return tuple(
            DaemonTime(name=daemon.name, roles=daemon.roles, processor_seconds=round(seconds, 2))
            for daemon, seconds in self.daemons.items()
        )


def read_processor_time(running: Rack) -> ProcessorTime:
    """Read the processor time that the daemons of a rack and the lab have used so far."""
    return ProcessorTime(running.server_machine.processor_seconds(), time.process_time())


@dataclass
class CaseRun:
    """The run of a test case: the trials of its nodes, their accelerator, and the processor time that was used."""

    release: Release
    wanted: Case
    cache: Cache
    emit: Emit
    trials: list[Trial] = field(default_factory=list)
    accelerator: Accelerator | None = None
    used: ProcessorTime = field(default_factory=lambda: ProcessorTime({}, 0.0))

    def run(self, meanwhile: Meanwhile) -> tuple[CellReport, CaseEvidence]:
        """Boot the nodes, check them and shut them down; give the result, and the evidence of nodes and servers.

        :raises InputError: the lab cannot run on this machine.
        """
        began, started, problem = time.monotonic(), datetime.now(UTC).replace(microsecond=0), None
        self.emit(_describe_case(self.release, self.wanted))
        with self.cache.work("lab") as scratch:
            try:
                self._try(scratch, meanwhile)
            except InputError:
                raise
            except NfsrootError as error:
                problem = str(error)
            logs = _read_logs(scratch)
        nodes = tuple(trial.report() for trial in self.trials)
        report = CellReport(
            asked=tuple(node.name for node in self.wanted.nodes),
            firmware=self.wanted.firmware,
            nic=self.wanted.nic,
            dhcp=self.wanted.server.dhcp,
            tftp=self.wanted.server.tftp,
            nfs=self.wanted.server.nfs,
            server=self.wanted.kind,
            faults=tuple(fault.name for fault in self.wanted.faults),
            accelerator=self.accelerator,
            started=started,
            seconds=round(time.monotonic() - began, 1),
            passed=problem is None and bool(nodes) and all(node.passed for node in nodes),
            processors=len(os.sched_getaffinity(0)),
            daemons=self.used.report_daemons(),
            lab_processor_seconds=round(self.used.lab, 2),
            problem=problem,
            nodes=nodes,
        )
        evidence = {trial.node.name: Evidence(trial.screen, trial.console, trial.journal) for trial in self.trials}
        return report, CaseEvidence(evidence, logs)

    def _try(self, scratch: Path, meanwhile: Meanwhile) -> None:
        """Start the rack, and put the trial of each node into `trials`."""
        began, emit = time.monotonic(), serialize_events(self.emit)
        with ExitStack() as powered:
            running = powered.enter_context(
                run_rack(self.release, self.wanted.server, self.wanted.kind, scratch, self.cache, self.wanted.state)
            )
            emit(RackReady(time.monotonic() - began))
            self.accelerator = running.accelerator
            patience = max(1.0, len(self.wanted.nodes) / (os.cpu_count() or 1)) * PATIENCE[self.wanted.kind]
            wanted = self.wanted
            booting = [fault for fault in wanted.faults if isinstance(fault, BootFault)]
            for node, fault in zip_longest(wanted.nodes, booting):
                limits = patience * fault.patience if fault else patience
                reboots = wanted.reboot and node is wanted.nodes[0]
                trial = Trial(running, node, wanted.firmware, limits, emit, wanted.nic, fault, reboots, wanted.ssh_key)
                self.trials.append(trial)
            before = read_processor_time(running)
            _run_at_once(self.trials, running, lambda trial: trial.run(powered))
            self.used = read_processor_time(running).since(before)
            compare_identities(self.trials)
            self._suffer(self.trials[0])
            meanwhile([trial.virtual for trial in self.trials if trial.virtual and not trial.stopped])
            _run_at_once(self.trials, running, lambda trial: trial.finish(powered))

    def _suffer(self, trial: Trial) -> None:
        """Make each fault of running nodes happen to the node of `trial`."""
        for fault in self.wanted.faults:
            if isinstance(fault, RunningFault) and not trial.stopped:
                trial.suffer(fault)


def _describe_case(release: Release, wanted: Case) -> CaseBegan:
    name = f"{release.manifest.name} {release.manifest.version}"
    server = wanted.server
    return CaseBegan(name, wanted.firmware, wanted.nic, server.dhcp, server.tftp, server.nfs, wanted.kind)


def _read_logs(scratch: Path) -> dict[str, str]:
    written = (*list_server_logs(scratch), scratch / NETWORK_LOG)
    return {log.name: read_last_lines(log, LOG_LINES) for log in written}


def _run_at_once(trials: Sequence[Trial], running: Rack, do: Callable[[Trial], None]) -> None:
    """Call `do` for all trials at the same time; cut the power of all nodes when a call fails or is interrupted."""
    with crew(len(trials)) as nodes:
        try:
            for done in [nodes.begin(partial(do, trial)) for trial in trials]:
                done()
        except BaseException:
            running.cut_power()
            raise


def compare_identities(trials: Iterable[Trial]) -> None:
    """Check that no two nodes that run together have a machine-id or an ssh host key in common."""
    running = {trial.node.name: trial for trial in trials if trial.identity is not None}
    if len(running) < 2:
        return
    findings = identity.find_shared_marks({name: trial.identity for name, trial in running.items() if trial.identity})
    for name, finding in findings.items():
        running[name].note(*identity.UNIQUE, finding)


def serialize_events(emit: Emit) -> Emit:
    """Make an emitter for several threads, which passes events to `emit` one after the other."""
    lock = threading.Lock()

    def locked(event: LabEvent) -> None:
        with lock:
            emit(event)

    return locked
