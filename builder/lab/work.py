"""What a node moves, asks and computes in each phase of its boot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.phases import Phase
from builder.lab.report import RoundTrips, Traffic, Work


@dataclass(frozen=True)
class Reading:
    """All of it since power-on; `processor_seconds` are those of the processor that is the node's."""

    moved: Traffic
    asked: RoundTrips
    processor_seconds: float

    def since(self, before: Reading) -> Work:
        """What came between."""
        return Work(
            traffic=Traffic(**_minus(self.moved.model_dump(), before.moved.model_dump())),
            round_trips=RoundTrips(**_minus(self.asked.model_dump(), before.asked.model_dump())),
            processor_seconds=round(self.processor_seconds - before.processor_seconds, 2),
        )


def by_phase(readings: Sequence[tuple[Phase, Reading]], last: Reading) -> dict[Phase, Work]:
    """The work of each phase: `readings` are those when the lab saw that the phase had begun, `last` the end's.

    A phase that began and ended between two looks has none; what it did counts for the one before.
    """
    ends = [reading for _, reading in readings[1:]] + [last]
    return {phase: end.since(began) for (phase, began), end in zip(readings, ends, strict=True)}


def _minus(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before[name] for name in after}
