"""The page story.html, which shows the report on a story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from builder.lab.report.html import clean_text
from builder.lab.report.timeline import LABEL_WIDTH, ROW, STEPS, TICK_WIDTH, TOP, WIDTH, Tick
from builder.lab.story.report import SceneReport, StoryReport
from builder.pages import page_environment

FILE = "story.html"
SERVER = "server"

_templates = page_environment("builder.lab.report")
_templates.filters["readable"] = clean_text


@dataclass(frozen=True)
class Box:
    """A box in the chart, for a command or an action of a node; `says` is its tooltip."""

    x: float
    width: float
    says: str
    kind: str


@dataclass(frozen=True)
class Chart:
    """The chart of a story, with a row for the server and for each node, and a band for each scene."""

    height: float
    rows: tuple[tuple[str, float, tuple[Box, ...]], ...]
    bands: tuple[Box, ...]
    ticks: tuple[Tick, ...]
    width: float = WIDTH


def draw_chart(report: StoryReport) -> Chart:
    """Draw the chart of a story; time goes from left to right."""
    scale = (WIDTH - LABEL_WIDTH - 10) / (report.seconds or 1.0)

    def box(began: float, ended: float, says: str, kind: str) -> Box:
        return Box(LABEL_WIDTH + began * scale, max(1.0, (ended - began) * scale), says, kind)

    commands = [each for scene in report.scenes for each in scene.commands]
    boxes: dict[str, list[Box]] = {SERVER: [box(each.began, each.ended, each.command, "command") for each in commands]}
    for span in report.spans:
        boxes.setdefault(span.node, []).append(box(span.began, span.ended, span.what, "node"))
    step = next((step for step in STEPS if report.seconds / step <= WIDTH // TICK_WIDTH), STEPS[-1])
    return Chart(
        height=TOP + ROW * len(boxes),
        rows=tuple((name, TOP + ROW * place, tuple(row)) for place, (name, row) in enumerate(boxes.items())),
        bands=tuple(box(scene.began, scene.ended, scene.name, _choose_class(scene)) for scene in report.scenes),
        ticks=tuple(Tick(LABEL_WIDTH + second * scale, second) for second in range(0, int(report.seconds) + 1, step)),
    )


def render_page(report: StoryReport, logs: Mapping[str, str]) -> str:
    """Render story.html; `logs` has the last lines of the servers' logs, by the names of the files."""
    return _templates.get_template("story.html.j2").render(report=report, chart=draw_chart(report), logs=logs)


def _choose_class(scene: SceneReport) -> str:
    return "passed" if scene.passed else "failed"
