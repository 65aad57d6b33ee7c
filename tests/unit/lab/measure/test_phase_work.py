from __future__ import annotations

from builder.lab.measure.phase_work import Reading, divide_by_phase
from builder.lab.report.report import RoundTrips, Traffic, Work
from builder.lab.vocabulary.phase import Phase


def reading(tftp: int, nfs: int, seconds: float) -> Reading:
    """So much since power-on."""
    return Reading(Traffic(tftp=tftp, nfs=nfs), RoundTrips(tftp=tftp // 10), seconds)


def test_work_lies_between_readings() -> None:
    """A phase did what was counted from its beginning to that of the next one that was seen, or to the end."""
    begun = [(Phase.DHCP, reading(5, 0, 0.0)), (Phase.LOADER, reading(25, 0, 2.0)), (Phase.KERNEL, reading(95, 0, 5.0))]
    assert divide_by_phase(begun, reading(95, 70, 6.5)) == {
        Phase.DHCP: Work(traffic=Traffic(tftp=20), round_trips=RoundTrips(tftp=2), processor_seconds=2.0),
        Phase.LOADER: Work(traffic=Traffic(tftp=70), round_trips=RoundTrips(tftp=7), processor_seconds=3.0),
        Phase.KERNEL: Work(traffic=Traffic(nfs=70), processor_seconds=1.5),
    }
