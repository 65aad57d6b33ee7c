"""The page lab.html, which shows the lab's report with the nodes' screens and the servers' logs."""

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
"""Control sequences of terminals (ECMA-48, section 5.4), and characters that cannot be printed."""


@dataclass(frozen=True)
class Evidence:
    """A node's screen as a PNG file (empty without a picture), and the texts of its serial console and its journal."""

    screen: bytes
    console: str
    journal: str


@dataclass(frozen=True)
class CaseEvidence:
    """The evidence of a test case: that of `nodes` by host name, and `logs` of servers and network by file name."""

    nodes: Mapping[str, Evidence]
    logs: Mapping[str, str]


def render_page(report: LabReport, seen: Sequence[CaseEvidence | None]) -> str:
    """Render lab.html; `seen` has the evidence of each test case of the report, None for one of an earlier run."""
    return _templates.get_template("lab.html.j2").render(
        report=report,
        cells=list(zip(report.cells, seen, strict=True)),
        timeline=draw_timeline,
        bar=BAR,
        phases=list(Phase),
    )


def encode_picture(png: bytes) -> str:
    """Encode a PNG picture as a data URL (RFC 2397)."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def clean_text(text: str) -> str:
    """Remove control sequences, characters that cannot be printed, and empty lines from the text of a console."""
    lines = _CONTROL.sub("", text.replace("\r", "\n")).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


_templates.filters |= {"readable": clean_text, "picture": encode_picture}
