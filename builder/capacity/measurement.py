"""The lab's measurement of one node's boot: seconds, bytes, round trips and processor time of each phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError
from builder.lab.released.release import Release
from builder.lab.report import history
from builder.lab.report.report import CellReport, PhaseTime, RoundTrips, Traffic
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import RootKind, Transport


@dataclass(frozen=True)
class Daemon:
    """The processor time, in seconds, that a server uses for one node; `threads` is its number (None: any)."""

    name: str
    seconds: float
    threads: int | None


@dataclass(frozen=True)
class Stage:
    """A phase of the boot of a node that has the servers for itself.

    `seconds` is its duration in the lab, `processor` the seconds of it in which the node's processor was busy, and
    `lab` the processor time, in seconds, that the lab itself used meanwhile.
    """

    phase: Phase
    seconds: float
    processor: float
    traffic: Traffic
    round_trips: RoundTrips
    daemons: tuple[Daemon, ...]
    lab: float

    @property
    def bytes(self) -> int:
        """The bytes that the phase moved, over all protocols."""
        return self.traffic.tftp + self.traffic.http + self.traffic.nfs

    @property
    def asked(self) -> int:
        """The round trips of the phase, over all protocols."""
        return self.round_trips.total

    @property
    def served(self) -> float:
        """The processor time, in seconds, of all servers in the phase."""
        return sum(daemon.seconds for daemon in self.daemons)


@dataclass(frozen=True)
class Measurement:
    """The measurement of one node from power-on to `running`; `cell` is the lab's report of the test case."""

    cell: CellReport
    transport: Transport
    root: RootKind
    stages: tuple[Stage, ...]


ONE_THREAD = ("dnsmasq", "isc-dhcp-server", "kea-dhcp4-server", "rpcbind")
"""The servers that answer one request after the other; Kea by default (its ARM, "Multi-Threading Settings")."""


def of(release: Release) -> Measurement:
    """The newest measurement of a node that booted the release alone.

    :raises InputError: the lab has measured no such node.
    """
    cells = [cell for cell in history.read_earlier(release) if is_alone(cell)]
    if not cells:
        raise InputError(
            f"the lab has not measured a node of {release.directory} that boots alone",
            resolution=f"Run `nfsroot lab {_shown(release.directory)}`, which boots one.",
        )
    newest = max(cells, key=lambda cell: cell.started)
    recipe = release.recipe
    return Measurement(newest, recipe.boot.transport, recipe.root.kind, stages(newest))


def is_alone(cell: CellReport) -> bool:
    """Whether a test case measured one healthy node, and the processor time of the servers."""
    return cell.passed and len(cell.nodes) == 1 and not cell.faults and bool(cell.daemons)


def stages(cell: CellReport) -> tuple[Stage, ...]:
    """The phases of the test case's only node, from power-on to `running`, without the lab's checks."""
    (node,) = cell.nodes
    asked = [time.work.round_trips.total for time in node.phases]
    return tuple(
        Stage(
            phase=time.phase,
            seconds=time.seconds,
            processor=_busy(time),
            traffic=time.work.traffic,
            round_trips=time.work.round_trips,
            daemons=_daemons(cell, node.phases, place),
            lab=cell.lab_processor_seconds * _share(asked, place),
        )
        for place, time in enumerate(node.phases)
        if time.phase is not Phase.CHECKS
    )


def _busy(time: PhaseTime) -> float:
    """The seconds of a phase in which the node's processor was busy, at most the phase's duration.

    The lab reads the processor time a little after the end of the phase, so it may be too long.
    """
    return min(time.work.processor_seconds, time.seconds)


def _daemons(cell: CellReport, phases: Sequence[PhaseTime], place: int) -> tuple[Daemon, ...]:
    """The processor time of each server in a phase: the phase's share of the requests or bytes that cost it time."""
    return tuple(
        Daemon(
            name=daemon.name,
            seconds=daemon.processor_seconds * _share([_served(time, daemon.roles) for time in phases], place),
            threads=1 if daemon.name in ONE_THREAD else None,
        )
        for daemon in cell.daemons
    )


def _share(amounts: Sequence[int], place: int) -> float:
    """The share of the amount at `place` in the sum of all.

    When the sum is 0, as for DHCP servers and rpcbind, the first has all.
    """
    total = sum(amounts)
    return amounts[place] / total if total else float(place == 0)


def _served(time: PhaseTime, roles: Sequence[str]) -> int:
    """The amount of work that costs a server time: requests over TFTP and NFS; bytes over HTTP, one request a file."""
    work = time.work
    costs = {"tftp": work.round_trips.tftp, "http": work.traffic.http, "nfs": work.round_trips.nfs}
    return sum(costs.get(role, 0) for role in roles)


def _shown(directory: Path) -> Path:
    here = Path.cwd()
    return directory.relative_to(here) if directory.is_relative_to(here) else directory
