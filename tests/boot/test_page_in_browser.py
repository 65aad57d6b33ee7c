"""lab.html in a real browser: Debian's chromium, without a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import take_picture
from lab_report import cell, node, report
from picture import colours, one_colour

from builder.lab.report.html import CaseEvidence, Evidence, render_page
from builder.lab.report.report import CheckResult
from builder.lab.vocabulary.phase import Phase

pytestmark = pytest.mark.boot

MAGENTA = "#ff00ff"
SCREEN = one_colour(640, 400, b"\xff\x00\xff")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a node that took a second for each phase, with a screen of one colour."""
    checked = CheckResult(name="clock", holds="it is right", passed=True, reason="<script>x</script>")
    seen = CaseEvidence({"ssi1": Evidence(SCREEN, "console", "journal")}, {"dnsmasq.log": "DHCPACK"})
    path = tmp_path_factory.mktemp("page") / "lab.html"
    path.write_text(render_page(report(cell(node(checks=(checked,)))), [seen]))
    return path


def test_browser_shows_chart_and_screen(page: Path) -> None:
    """Each phase has its bar in the chart, the screen is shown, and the browser has nothing to complain about."""
    seen = colours(take_picture(page, 1000, 1400))
    bars = dict(re.findall(r"\.(p\d) \{ fill: (#[0-9a-f]{6})", page.read_text()))
    assert len(bars) == len(Phase)
    assert {name: seen[colour] > 500 for name, colour in bars.items()} == dict.fromkeys(bars, True)
    assert seen[MAGENTA] > 100_000
