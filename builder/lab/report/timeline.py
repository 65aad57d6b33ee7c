"""A chart of boots with a bar for each phase; positions are in the units of an SVG's view box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from builder.lab.vocabulary.phase import Phase

WIDTH, LABEL_WIDTH, ROW, BAR, TOP = 960.0, 90.0, 34.0, 22.0, 26.0
STEPS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
TICK_WIDTH = 80.0
"""The least distance between two numbers on the axis."""


class PhaseTime(Protocol):
    """A phase of a boot, from `began` to `ended` in seconds since power-on."""

    @property
    def phase(self) -> str:
        """The phase's name."""

    @property
    def began(self) -> float:
        """The phase's beginning."""

    @property
    def ended(self) -> float:
        """The phase's end."""


class BootedNode(Protocol):
    """A node and the phases of its boot, in a report of the lab or of another program."""

    @property
    def name(self) -> str:
        """Host name of the node."""

    @property
    def phases(self) -> Sequence[PhaseTime]:
        """The phases that the node completed."""


@dataclass(frozen=True)
class Bar:
    """A bar of the chart: one phase of a boot, whose place in the order of phases is `index`."""

    x: float
    width: float
    index: int
    time: PhaseTime


@dataclass(frozen=True)
class Row:
    """A row of the chart, with the bars of one node; `y` is their upper edge."""

    name: str
    y: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tick:
    """A mark on the axis at a number of seconds."""

    x: float
    seconds: int


@dataclass(frozen=True)
class Timeline:
    """The chart: its size, its rows, and the marks on its axis."""

    width: float
    height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def draw_timeline(nodes: Sequence[BootedNode], width: float = WIDTH) -> Timeline:
    """Draw the chart, with a row of bars for each node; power-on is at the left of each row."""
    longest = max((time.ended for node in nodes for time in node.phases), default=1.0) or 1.0
    scale = (width - LABEL_WIDTH - 10) / longest
    step = next((step for step in STEPS if longest / step <= width // TICK_WIDTH), STEPS[-1])
    return Timeline(
        width=width,
        height=TOP + ROW * len(nodes),
        rows=tuple(Row(node.name, TOP + ROW * place, _draw_bars(node, scale)) for place, node in enumerate(nodes)),
        ticks=tuple(Tick(LABEL_WIDTH + second * scale, second) for second in range(0, int(longest) + 1, step)),
    )


def _draw_bars(node: BootedNode, scale: float) -> tuple[Bar, ...]:
    order = [str(phase) for phase in Phase]
    return tuple(
        Bar(LABEL_WIDTH + time.began * scale, (time.ended - time.began) * scale, order.index(time.phase), time)
        for time in node.phases
    )
