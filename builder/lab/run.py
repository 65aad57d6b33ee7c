"""A run of the lab, from a release to its verdict.  `run` is its table of contents."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import builder
from builder.cache import Cache
from builder.errors import InputError, NfsrootError
from builder.lab import page, report, servers
from builder.lab.checks import identity
from builder.lab.events import Emit, LabEvent, RackReady
from builder.lab.node import VirtualNode
from builder.lab.qemu import Accelerator, Firmware
from builder.lab.rack import Rack, rack
from builder.lab.release import Release
from builder.lab.report import LabReport, NodeReport
from builder.lab.servers import NETWORK_LOG, last_lines
from builder.lab.trial import Trial
from builder.recipe.models import DhcpServer, NfsServer, Node, Server, TftpServer, Variant
from builder.release.manifest import Lab
from builder.release.pack import need_writable
from builder.release.verdict import record, replace

Meanwhile = Callable[[Sequence[VirtualNode]], None]
LOG_LINES = 200


@dataclass(frozen=True)
class Request:
    """What to try: these nodes, all at once, with this firmware, served by the programs that `server` names."""

    nodes: tuple[Node, ...]
    firmware: Firmware
    server: Server


def request(
    release: Release,
    names: Sequence[str],
    firmware: Firmware,
    dhcp: DhcpServer | None = None,
    tftp: TftpServer | None = None,
) -> Request:
    """Ask for nodes by name; without names, for the first one of the cluster.

    `dhcp` and `tftp` are served by the cluster's own choice when they are not given.  NFS is always ganesha's,
    which needs nothing of the kernel that the rack shares with this machine.

    :raises InputError: the release has no such node, or no boot loader for the firmware.
    """
    nodes = {node.name: node for node in release.recipe.cluster.nodes}
    unknown = [name for name in names if name not in nodes]
    if unknown:
        raise InputError(f"the release has no node {unknown[0]}", resolution=f"Its nodes are {', '.join(nodes)}.")
    boot = release.recipe.boot
    loader = {Firmware.BIOS: Variant.I386_PC, Firmware.UEFI: boot.uefi, Firmware.SECURE_BOOT: Variant.SECURE_BOOT}
    wanted = loader[firmware]
    if wanted not in boot.variants or (firmware is Firmware.SECURE_BOOT and boot.uefi is not wanted):
        raise InputError(
            f"the release gives nodes with firmware {firmware} no boot loader",
            resolution=f"Set variants and uefi under [boot] in the recipe: {wanted} is needed.",
        )
    own = release.recipe.cluster.server
    server = own.model_copy(update={"dhcp": dhcp or own.dhcp, "tftp": tftp or own.tftp, "nfs": NfsServer.GANESHA})
    return Request(tuple(nodes[name] for name in names or list(nodes)[:1]), firmware, server)


def run(
    release: Release, wanted: Request, cache: Cache, emit: Emit, meanwhile: Meanwhile = lambda _: None
) -> LabReport:
    """Boot the nodes asked for, check them, and put the report and the verdict into the release.

    `meanwhile` is called with the nodes that run, when their checks are done and before they are shut down.

    :raises InputError: the lab cannot run here at all; the release is left as it was.
    :raises NfsrootError: the release's directory cannot be written.
    """
    need_writable(release.directory)
    began, started = time.monotonic(), datetime.now(UTC).replace(microsecond=0)
    trials: list[Trial] = []
    logs: dict[str, str] = {}
    accelerator, problem = None, None
    with tempfile.TemporaryDirectory(prefix="nfsroot-lab-") as scratch:
        try:
            accelerator = _try(release, wanted, cache, Path(scratch), _one_at_a_time(emit), meanwhile, trials)
        except InputError:
            raise
        except NfsrootError as error:
            problem = str(error)
        written = (*servers.logs(Path(scratch)), Path(scratch, NETWORK_LOG))
        logs |= {log.name: last_lines(log, LOG_LINES) for log in written}
    nodes = tuple(trial.report() for trial in trials)
    made = LabReport(
        name=release.manifest.name,
        version=release.manifest.version,
        content=release.manifest.content,
        tool_version=builder.__version__,
        started=started,
        seconds=round(time.monotonic() - began, 1),
        firmware=wanted.firmware,
        accelerator=accelerator,
        verdict=_verdict(problem, nodes),
        problem=problem,
        nodes=nodes,
    )
    evidence = {trial.node.name: page.Evidence(trial.screen, trial.console, trial.journal) for trial in trials}
    replace(release.directory / report.FILE, made.text().encode())
    replace(release.directory / page.FILE, page.render(made, evidence, logs).encode())
    record(release.directory, made.verdict)
    return made


def _try(
    release: Release,
    wanted: Request,
    cache: Cache,
    scratch: Path,
    emit: Emit,
    meanwhile: Meanwhile,
    trials: list[Trial],
) -> Accelerator:
    """Put a trial of each node, with all that came of it, into `trials`."""
    began = time.monotonic()
    with rack(release, wanted.server, scratch, cache) as running, ExitStack() as powered:
        emit(RackReady(time.monotonic() - began))
        patience = max(1.0, len(wanted.nodes) / (os.cpu_count() or 1))
        trials += [Trial(running, node, wanted.firmware, patience, emit) for node in wanted.nodes]
        _at_once(trials, running, lambda trial: trial.run(powered))
        _compare(trials)
        meanwhile([trial.virtual for trial in trials if trial.virtual and not trial.stopped])
        _at_once(trials, running, Trial.finish)
    return running.accelerator


def _at_once(trials: Sequence[Trial], running: Rack, do: Callable[[Trial], None]) -> None:
    """Do something to every node at the same time.  When it is interrupted, all nodes lose their power."""
    with ThreadPoolExecutor(len(trials), thread_name_prefix="node") as pool:
        try:
            for _ in pool.map(do, trials):
                pass
        except BaseException:
            running.cut_power()
            raise


def _compare(trials: Iterable[Trial]) -> None:
    """Check that nodes that run together have nothing in common."""
    running = {trial.node.name: trial for trial in trials if trial.identity is not None}
    if len(running) < 2:
        return
    findings = identity.shared({name: trial.identity for name, trial in running.items() if trial.identity})
    for name, finding in findings.items():
        running[name].note(*identity.UNIQUE, finding)


def _verdict(problem: str | None, nodes: Sequence[NodeReport]) -> Lab:
    return Lab.PASSED if problem is None and nodes and all(node.passed for node in nodes) else Lab.FAILED


def _one_at_a_time(emit: Emit) -> Emit:
    lock = threading.Lock()

    def locked(event: LabEvent) -> None:
        with lock:
            emit(event)

    return locked
