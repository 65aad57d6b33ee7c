from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from lab_report import STARTED, cell, node, report

from builder.capacity import measurement
from builder.capacity.measurement import Daemon, is_alone, of, stages
from builder.errors import InputError
from builder.lab.released.release import Release
from builder.lab.report.report import CellReport, DaemonTime, PhaseTime, RoundTrips, Traffic, Work
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import RootKind, Transport
from builder.recipe.models import Recipe
from builder.release.manifest import Manifest


def phase(name: Phase, began: float, **moved: int) -> PhaseTime:
    """Two seconds in which so much was moved, a round trip for each hundred bytes."""
    trips = {protocol: count // 100 for protocol, count in moved.items()}
    work = Work(traffic=Traffic(**moved), round_trips=RoundTrips(**trips), processor_seconds=1.5)
    return PhaseTime(phase=name, began=began, ended=began + 2, work=work)


BOOT = (
    phase(Phase.DHCP, 0),
    phase(Phase.GRUB, 2, tftp=3000),
    phase(Phase.SYSTEMD, 4, nfs=6000),
    phase(Phase.CHECKS, 6, nfs=2000),
)
DAEMONS = (
    DaemonTime(name="isc-dhcp-server", roles=("dhcp",), processor_seconds=0.1),
    DaemonTime(name="tftpd-hpa", roles=("tftp",), processor_seconds=0.6),
    DaemonTime(name="nfs-ganesha", roles=("nfs",), processor_seconds=0.8),
)


def measured(*phases: PhaseTime) -> CellReport:
    """A node that booted alone."""
    return cell(node(phases=phases or BOOT), daemons=DAEMONS, lab_processor_seconds=1.1)


def test_each_phase_has_its_share() -> None:
    """A server's time goes to the phases by the bytes that it serves, DHCP's to the first, the checks' to none."""
    found = {stage.phase: stage for stage in stages(measured())}
    assert list(found) == [Phase.DHCP, Phase.GRUB, Phase.SYSTEMD]
    assert {daemon.name: daemon.seconds for daemon in found[Phase.SYSTEMD].daemons} == {
        "isc-dhcp-server": 0.0,
        "tftpd-hpa": 0.0,
        "nfs-ganesha": pytest.approx(0.6),
    }
    assert found[Phase.GRUB].served == pytest.approx(0.6)
    assert found[Phase.DHCP].daemons[0] == Daemon("isc-dhcp-server", 0.1, 1)
    assert found[Phase.GRUB].lab == pytest.approx(1.1 * 30 / 110)
    assert (found[Phase.GRUB].seconds, found[Phase.GRUB].processor, found[Phase.GRUB].asked) == (2.0, 1.5, 30)


def test_no_processor_is_busy_for_longer_than_a_phase() -> None:
    """What a node used until the lab looked, some time after the phase, does not count for the phase."""
    late = BOOT[2].model_copy(update={"work": BOOT[2].work.model_copy(update={"processor_seconds": 5.0})})
    assert stages(measured(BOOT[0], BOOT[1], late, BOOT[3]))[2].processor == pytest.approx(late.seconds)


@pytest.mark.parametrize(
    "crowd",
    [
        cell(node(passed=False)),
        cell(node(), node("ssi2")),
        cell(node(), faults=("loss-5",)),
        cell(node(), daemons=()),
        cell(passed=False, problem="no bundle"),
    ],
)
def test_what_shows_nothing_of_a_node_alone(crowd: CellReport) -> None:
    """A cell that failed, of more nodes, of a fault, or of a server whose time nobody knows is no measurement."""
    assert not is_alone(crowd)
    assert is_alone(measured())


def release_with(directory: Path, recipe: Recipe, *cells: CellReport) -> Release:
    """A release whose lab tells of these cells."""
    (directory / "lab.json").write_text(report(*cells).text())
    return Release(directory, Manifest.model_construct(content="c" * 24), recipe)


def test_newest_measurement_counts(tmp_path: Path, kerrighed: Recipe) -> None:
    """Of several nodes that booted alone, the last one is taken."""
    later = measured().model_copy(update={"started": STARTED + timedelta(hours=1)})
    found = of(release_with(tmp_path, kerrighed, later, measured(), cell(node(), node("ssi2"))))
    assert found == measurement.Measurement(later, Transport.TFTP, RootKind.DIRECTORY, stages(later))


def test_release_without_a_measurement(tmp_path: Path, kerrighed: Recipe) -> None:
    """Who has not run the lab is told to."""
    with pytest.raises(InputError) as error:
        of(release_with(tmp_path, kerrighed, cell(node(), node("ssi2"))))
    assert f"nfsroot lab {tmp_path}" in error.value.resolution
