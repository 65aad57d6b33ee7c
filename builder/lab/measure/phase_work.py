"""The work of a node in each phase of its boot: bytes, round trips, and processor time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.report.report import RoundTrips, Traffic, Work
from builder.lab.vocabulary.phase import Phase


@dataclass(frozen=True)
class Reading:
    """Work that a node has done since power-on: bytes, round trips, and seconds of processor time of its QEMU."""

    traffic: Traffic
    round_trips: RoundTrips
    processor_seconds: float

    def since(self, before: Reading) -> Work:
        """Subtract the reading `before` from this one, which gives the work between the two."""
        return Work(
            traffic=Traffic(**_subtract(self.traffic.model_dump(), before.traffic.model_dump())),
            round_trips=RoundTrips(**_subtract(self.round_trips.model_dump(), before.round_trips.model_dump())),
            processor_seconds=round(self.processor_seconds - before.processor_seconds, 2),
        )


def divide_by_phase(readings: Sequence[tuple[Phase, Reading]], last: Reading) -> dict[Phase, Work]:
    """Divide a node's work among phases, from a reading at the beginning of each phase and the `last` one, at the end.

    The lab takes a reading when it sees that a phase has begun.  A phase that began and ended unseen has no work of its
    own: its work is counted for the phase before it.
    """
    ends = [reading for _, reading in readings[1:]] + [last]
    return {phase: end.since(began) for (phase, began), end in zip(readings, ends, strict=True)}


def _subtract(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after}
