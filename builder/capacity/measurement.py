"""What one node takes to boot, as the lab measured it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError
from builder.lab import standing
from builder.lab.phases import Phase
from builder.lab.release import Release
from builder.lab.report import CellReport, PhaseTime, RoundTrips, Traffic
from builder.recipe.models import RootKind, Transport


@dataclass(frozen=True)
class Daemon:
    """Seconds of a processor that a server uses for one node; `threads` of it do the work (None: any number)."""

    name: str
    seconds: float
    threads: int | None


@dataclass(frozen=True)
class Stage:
    """A phase of the boot of a node that has the servers for itself.

    `seconds` are the lab's, in `processor` of which the node's own processor was busy; `lab` is what the lab itself
    used of one meanwhile.
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
        """All bytes that it moved."""
        return self.traffic.tftp + self.traffic.http + self.traffic.nfs

    @property
    def asked(self) -> int:
        """All its round trips."""
        return self.round_trips.total

    @property
    def served(self) -> float:
        """Seconds of processors that all servers use."""
        return sum(daemon.seconds for daemon in self.daemons)


@dataclass(frozen=True)
class Measurement:
    """One node's way from power-on to `running`; `cell` is what was tried."""

    cell: CellReport
    transport: Transport
    root: RootKind
    stages: tuple[Stage, ...]


ONE_THREAD = ("dnsmasq", "isc-dhcp-server", "kea-dhcp4-server", "rpcbind")
"""Who answers one request after the other; Kea unless it is told otherwise (its ARM, "Multi-Threading Settings")."""


def of(release: Release) -> Measurement:
    """The newest measurement of a node of the release that booted alone.

    :raises InputError: there is none.
    """
    cells = [cell for cell in standing.earlier(release) if is_alone(cell)]
    if not cells:
        raise InputError(
            f"the lab has not measured a node of {release.directory} that boots alone",
            resolution=f"Run `nfsroot lab {_shown(release.directory)}`, which boots one.",
        )
    newest = max(cells, key=lambda cell: cell.started)
    recipe = release.recipe
    return Measurement(newest, recipe.boot.transport, recipe.root.kind, stages(newest))


def is_alone(cell: CellReport) -> bool:
    """Whether a cell shows what one healthy node takes of servers whose processor time is known."""
    return cell.passed and len(cell.nodes) == 1 and not cell.faults and bool(cell.daemons)


def stages(cell: CellReport) -> tuple[Stage, ...]:
    """The phases of its only node up to `running`, the lab's checks left out."""
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
    """Of a phase's seconds those in which the node's processor was busy: the lab looks at it a little after the end."""
    return min(time.work.processor_seconds, time.seconds)


def _daemons(cell: CellReport, phases: Sequence[PhaseTime], place: int) -> tuple[Daemon, ...]:
    """What each server does in a phase: of its time as much as the phase has of what costs it time."""
    return tuple(
        Daemon(
            name=daemon.name,
            seconds=daemon.processor_seconds * _share([_served(time, daemon.roles) for time in phases], place),
            threads=1 if daemon.name in ONE_THREAD else None,
        )
        for daemon in cell.daemons
    )


def _share(amounts: Sequence[int], place: int) -> float:
    """The share of one among amounts; where there are none, all is the first one's: DHCP's, and rpcbind's."""
    total = sum(amounts)
    return amounts[place] / total if total else float(place == 0)


def _served(time: PhaseTime, roles: Sequence[str]) -> int:
    """What costs a server time: TFTP and NFS each question, HTTP each byte, since a file is one question there."""
    work = time.work
    costs = {"tftp": work.round_trips.tftp, "http": work.traffic.http, "nfs": work.round_trips.nfs}
    return sum(costs.get(role, 0) for role in roles)


def _shown(directory: Path) -> Path:
    here = Path.cwd()
    return directory.relative_to(here) if directory.is_relative_to(here) else directory
