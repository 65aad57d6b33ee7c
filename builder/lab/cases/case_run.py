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
from builder.lab.cases.case import Case
from builder.lab.cases.node_run import NodeRun
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


def read_processor_time(rack: Rack) -> ProcessorTime:
    """Read the processor time that the daemons of a rack and the lab have used so far."""
    return ProcessorTime(rack.server_machine.processor_seconds(), time.process_time())


@dataclass
class CaseRun:
    """The run of a test case: the runs of its nodes, their accelerator, and the processor time that was used."""

    release: Release
    case: Case
    cache: Cache
    emit: Emit
    runs: list[NodeRun] = field(default_factory=list)
    accelerator: Accelerator | None = None
    used: ProcessorTime = field(default_factory=lambda: ProcessorTime({}, 0.0))

    def run(self, meanwhile: Meanwhile) -> tuple[CellReport, CaseEvidence]:
        """Boot the nodes, check them and shut them down; give the result, and the evidence of nodes and servers.

        :raises InputError: the lab cannot run on this machine.
        """
        began, started, problem = time.monotonic(), datetime.now(UTC).replace(microsecond=0), None
        self.emit(_describe_case(self.release, self.case))
        with self.cache.work("lab") as scratch:
            try:
                self._run_nodes(scratch, meanwhile)
            except InputError:
                raise
            except NfsrootError as error:
                problem = str(error)
            logs = _read_logs(scratch)
        nodes = tuple(run.report() for run in self.runs)
        report = CellReport(
            asked=tuple(node.name for node in self.case.nodes),
            firmware=self.case.firmware,
            nic=self.case.nic,
            dhcp=self.case.server.dhcp,
            tftp=self.case.server.tftp,
            nfs=self.case.server.nfs,
            server=self.case.kind,
            faults=tuple(fault.name for fault in self.case.faults),
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
        evidence = {run.node.name: Evidence(run.screen, run.console, run.journal) for run in self.runs}
        return report, CaseEvidence(evidence, logs)

    def _run_nodes(self, scratch: Path, meanwhile: Meanwhile) -> None:
        """Start the rack, and run each node."""
        began, emit, case = time.monotonic(), serialize_events(self.emit), self.case
        with ExitStack() as powered:
            rack = powered.enter_context(
                run_rack(self.release, case.server, case.kind, scratch, self.cache, case.state)
            )
            emit(RackReady(time.monotonic() - began))
            self.accelerator = rack.accelerator
            patience = max(1.0, len(case.nodes) / (os.cpu_count() or 1)) * PATIENCE[case.kind]
            booting = [fault for fault in case.faults if isinstance(fault, BootFault)]
            for node, fault in zip_longest(case.nodes, booting):
                limits = patience * fault.patience if fault else patience
                reboots = case.reboot and node is case.nodes[0]
                run = NodeRun(rack, node, case.firmware, limits, emit, case.nic, fault, reboots, case.ssh_key)
                self.runs.append(run)
            before = read_processor_time(rack)
            _run_at_once(self.runs, rack, lambda run: run.run(powered))
            self.used = read_processor_time(rack).since(before)
            compare_identities(self.runs)
            self._suffer(self.runs[0])
            meanwhile([run.virtual for run in self.runs if run.virtual and not run.stopped])
            _run_at_once(self.runs, rack, lambda run: run.finish(powered))

    def _suffer(self, run: NodeRun) -> None:
        """Make each fault of running nodes happen to one node."""
        for fault in self.case.faults:
            if isinstance(fault, RunningFault) and not run.stopped:
                run.suffer(fault)


def _describe_case(release: Release, case: Case) -> CaseBegan:
    name = f"{release.manifest.name} {release.manifest.version}"
    server = case.server
    return CaseBegan(name, case.firmware, case.nic, server.dhcp, server.tftp, server.nfs, case.kind)


def _read_logs(scratch: Path) -> dict[str, str]:
    written = (*list_server_logs(scratch), scratch / NETWORK_LOG)
    return {log.name: read_last_lines(log, LOG_LINES) for log in written}


def _run_at_once(runs: Sequence[NodeRun], rack: Rack, do: Callable[[NodeRun], None]) -> None:
    """Call `do` for all nodes at the same time; cut the power of all nodes when a call fails or is interrupted."""
    with crew(len(runs)) as nodes:
        try:
            for done in [nodes.begin(partial(do, run)) for run in runs]:
                done()
        except BaseException:
            rack.cut_power()
            raise


def compare_identities(runs: Iterable[NodeRun]) -> None:
    """Check that no two nodes that run together have a machine-id or an ssh host key in common."""
    running = {run.node.name: run for run in runs if run.identity is not None}
    if len(running) < 2:
        return
    findings = identity.find_shared_marks({name: run.identity for name, run in running.items() if run.identity})
    for name, finding in findings.items():
        running[name].note(*identity.UNIQUE, finding)


def serialize_events(emit: Emit) -> Emit:
    """Make an emitter for several threads, which passes events to `emit` one after the other."""
    lock = threading.Lock()

    def locked(event: LabEvent) -> None:
        with lock:
            emit(event)

    return locked
