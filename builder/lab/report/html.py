"""The lab's report as a page for people: lab.html, which needs no other file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from builder.lab.report.report import LabReport
from builder.lab.report.timeline import BAR, draw_timeline
from builder.lab.vocabulary.phase import Phase
from builder.pages import page_environment

FILE = "lab.html"

_templates = page_environment("builder.lab.report")
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|[^\t\n\x20-\x7e\xa0-\uffff]|\ufffd")
"""Control sequences of terminals (ECMA-48, section 5.4), and characters that do not belong in text."""


@dataclass(frozen=True)
class Evidence:
    """The evidence of a node: its screen as a PNG file (empty when there is none), its serial console, its journal."""

    screen: bytes
    console: str
    journal: str


@dataclass(frozen=True)
class CaseEvidence:
    """The evidence of a test case: `nodes` by host name, and `logs` of servers and network by file name."""

    nodes: Mapping[str, Evidence]
    logs: Mapping[str, str]


def render_page(report: LabReport, seen: Sequence[CaseEvidence | None]) -> str:
    """The page; `seen` is the evidence of each of the report's cells, None for cells of an earlier run."""
    return _templates.get_template("lab.html.j2").render(
        report=report,
        cells=list(zip(report.cells, seen, strict=True)),
        timeline=draw_timeline,
        bar=BAR,
        phases=list(Phase),
    )


def encode_picture(png: bytes) -> str:
    """A PNG picture as a data URL (RFC 2397)."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def clean_text(text: str) -> str:
    """A console's text without control sequences and without empty lines."""
    lines = _CONTROL.sub("", text.replace("\r", "\n")).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


_templates.filters |= {"readable": clean_text, "picture": encode_picture}
