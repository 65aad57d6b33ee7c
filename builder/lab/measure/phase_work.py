"""The work of a node in each phase of its boot: bytes, round trips, processor seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.report.report import RoundTrips, Traffic, Work
from builder.lab.vocabulary.phase import Phase


@dataclass(frozen=True)
class Reading:
    """The work that a node has done since power-on: bytes, round trips, and processor seconds of its own QEMU."""

    traffic: Traffic
    round_trips: RoundTrips
    processor_seconds: float

    def since(self, before: Reading) -> Work:
        """The work since the reading `before`."""
        return Work(
            traffic=Traffic(**_subtract(self.traffic.model_dump(), before.traffic.model_dump())),
            round_trips=RoundTrips(**_subtract(self.round_trips.model_dump(), before.round_trips.model_dump())),
            processor_seconds=round(self.processor_seconds - before.processor_seconds, 2),
        )


def divide_by_phase(readings: Sequence[tuple[Phase, Reading]], last: Reading) -> dict[Phase, Work]:
    """The work of each phase, by the readings at the beginning of each phase and the `last` one, at the end.

    The lab reads when it sees that a phase has begun.  A phase that began and ended between two looks has no work; its
    work counts for the phase before.
    """
    ends = [reading for _, reading in readings[1:]] + [last]
    return {phase: end.since(began) for (phase, began), end in zip(readings, ends, strict=True)}


def _subtract(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after}
