"""The lab's report as a page for people: lab.html, which needs no other file."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from builder.lab.phases import Phase
from builder.lab.report import LabReport
from builder.lab.timeline import BAR, timeline

FILE = "lab.html"

_templates = Environment(
    loader=PackageLoader("builder.lab"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-Z\\-_]|[^\t\n\x20-\x7e\xa0-\uffff]|\ufffd")
"""Control sequences of terminals (ECMA-48, section 5.4) and signs that no text has."""


@dataclass(frozen=True)
class Evidence:
    """What a node showed: its screen as a PNG file (empty when there is none), its serial console, its journal."""

    screen: bytes
    console: str
    journal: str


def render(report: LabReport, evidence: Mapping[str, Evidence], logs: Mapping[str, str]) -> str:
    """The page; `evidence` by the names of nodes, `logs` of the servers by their names."""
    return _templates.get_template("lab.html.j2").render(
        report=report,
        timeline=timeline(report.nodes),
        bar=BAR,
        phases=list(Phase),
        seconds={node.name: {time.phase: time.ended - time.began for time in node.phases} for node in report.nodes},
        screens={name: base64.b64encode(each.screen).decode() for name, each in evidence.items()},
        consoles={name: readable(each.console) for name, each in evidence.items()},
        journals={name: readable(each.journal) for name, each in evidence.items()},
        logs={name: readable(text) for name, text in logs.items()},
    )


def readable(text: str) -> str:
    """A console's text without the signs that move its cursor, and without empty lines."""
    lines = _CONTROL.sub("", text.replace("\r", "\n")).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())
