"""The chart of a lab's boots: where each bar stands, in the units of an SVG's view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from builder.lab.phases import Phase
from builder.lab.report import NodeReport, PhaseTime

WIDTH, LABEL_WIDTH, ROW, BAR, TOP = 960.0, 90.0, 34.0, 22.0, 26.0
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
MOST_TICKS = 12


@dataclass(frozen=True)
class Bar:
    """One phase of a node's boot; `index` is the phase's place in the order of phases."""

    x: float
    width: float
    index: int
    time: PhaseTime


@dataclass(frozen=True)
class Row:
    """One node: `y` is the upper edge of its bars."""

    name: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tick:
    """A number of seconds on the axis."""

    x: float
    seconds: int


@dataclass(frozen=True)
class Timeline:
    """The whole chart."""

    width: float
    height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def timeline(nodes: Sequence[NodeReport]) -> Timeline:
    """A row of bars for each node, power-on of all of them at the left."""
    longest = max((time.ended for node in nodes for time in node.phases), default=1.0) or 1.0
    scale = (WIDTH - LABEL_WIDTH - 10) / longest
    step = next((step for step in STEPS if longest / step <= MOST_TICKS), STEPS[-1])
    return Timeline(
        width=WIDTH,
        height=TOP + ROW * len(nodes),
        rows=tuple(Row(node.name, TOP + ROW * place, _bars(node, scale)) for place, node in enumerate(nodes)),
        ticks=tuple(Tick(LABEL_WIDTH + second * scale, second) for second in range(0, int(longest) + 1, step)),
    )


def _bars(node: NodeReport, scale: float) -> tuple[Bar, ...]:
    order = list(Phase)
    return tuple(
        Bar(LABEL_WIDTH + time.began * scale, (time.ended - time.began) * scale, order.index(time.phase), time)
        for time in node.phases
    )
