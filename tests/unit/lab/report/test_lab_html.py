from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from lab_report import FAILED, PASSED, STOP, cell, node, report

from builder.lab.report.html import CaseEvidence, Evidence, clean_text, render_page
from builder.lab.report.report import LabReport
from builder.lab.report.timeline import LABEL_WIDTH, WIDTH, draw_timeline
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.choices import DhcpServer

PICTURE = b"\x89PNG picture"
LOGS = {"dhcp.log": "dhcp.log | DHCPACK on <unknown>", "network.log": ""}


class Tags(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def page(made: LabReport, **changes: Any) -> str:
    """The page of a report whose nodes all showed the same."""
    seen = Evidence(**{"screen": PICTURE, "console": "GRUB", "journal": "systemd[1]: Startup", **changes})
    return render_page(made, [CaseEvidence({each.name: seen for each in cell.nodes}, LOGS) for cell in made.cells])


def test_page_loads_nothing() -> None:
    """There is no script, no style sheet and no picture outside the page, and its policy forbids them."""
    html = page(report(cell(node(), node("ssi2"))))
    tags = Tags(html).seen
    assert {tag for tag, _ in tags} & {"script", "link", "iframe", "object"} == set()
    sources = [attributes[key] for _, attributes in tags for key in ("src", "href", "srcset") if key in attributes]
    assert sources == [f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"] * 2
    assert re.search(r"url\(|@import|https?:", html) is None
    assert "default-src 'none'" in html


def test_page_shows_every_node() -> None:
    """Name, result, loader, traffic, times and checks of each node are there."""
    html = page(report(cell(node(), node("ssi2", passed=False, checks=(PASSED, FAILED)))))
    assert [attributes["id"] for tag, attributes in Tags(html).seen if tag == "section"] == ["ssi1-1", "ssi2-1"]
    for text in ("kerrighed 1.0", "/pxegrub", "28.5 MB", "37.2 MB", "1.0 s", "it has its name", "systemd[1]: Startup"):
        assert text in html
    assert '<span class="failed">failed</span>' in html


def test_what_nodes_say_is_text() -> None:
    """Nothing that a node or a log says can become part of the page's markup."""
    html = page(report(cell(node(checks=(FAILED,)))), console="<script>alert(1)</script>", journal="</pre><img src=x>")
    assert "<script>" not in html
    assert "<img src=x>" not in html
    assert "&lt;b&gt;1 h&lt;/b&gt;" in html
    assert "DHCPACK on &lt;unknown&gt;" in html


def test_page_of_a_node_that_stopped() -> None:
    """A node that never ran has its reason, what was seen last, and no picture when there is none."""
    html = page(
        report(cell(node(passed=False, stopped=STOP, checks=(), phases=(), loader=None))), screen=b"", console=""
    )
    assert STOP.reason in html
    assert STOP.details in html
    assert "<img" not in html
    assert "Nothing was written to it." in html


def test_page_without_a_rack() -> None:
    """When there was no rack the page says why."""
    assert "the dhcp server did not start" in page(report(cell(problem="the dhcp server did not start", passed=False)))


def test_page_names_faults() -> None:
    """What was made to go wrong in a cell stands above its nodes; a cell in which nothing was says nothing of it."""
    assert "<p>Faults: loss-5, hang.</p>" in page(report(cell(node(), faults=("loss-5", "hang"))))
    assert "Faults" not in page(report(cell(node())))


def test_page_of_several_cells() -> None:
    """Each cell says with what it was tried and how that came out, and has a chart and places of its own."""
    kea = cell(node(passed=False, stopped=STOP), firmware=Firmware.UEFI, dhcp=DhcpServer.KEA)
    html = page(report(cell(node()), kea))
    tags = Tags(html).seen
    assert [attributes["id"] for tag, attributes in tags if tag == "section"] == ["ssi1-1", "ssi1-2"]
    assert [tag for tag, _ in tags].count("svg") == 2
    headings = re.findall(r"<h2>Firmware (.*?)</span></h2>", html, re.DOTALL)
    served = ["TFTP", "by", "tftpd-hpa,", "NFS", "by", "ganesha,", "in", "a", "namespace:"]
    assert [re.sub(r"\s+|<[^>]*>", " ", each).split() for each in headings] == [
        ["bios,", "NIC", "virtio-net,", "DHCP", "by", "isc,", *served, "passed"],
        ["uefi,", "NIC", "virtio-net,", "DHCP", "by", "kea,", *served, "failed"],
    ]


def test_cell_of_an_earlier_run() -> None:
    """Of an earlier run the page has the checks but no screens and logs, and says so."""
    html = render_page(report(cell(node())), [None])
    assert "on 2026-01-31 12:00 UTC, by an earlier run, whose screens and logs are gone" in html
    assert "it has its name" in html
    assert {tag for tag, _ in Tags(html).seen} & {"img", "details"} == set()


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("\x1b[2J\x1b[01;01H\x1b[0m\x1b[30mBooting\x1b[K\r\n\r\nnow ", "Booting\nnow"),
        ("\ufffd\ufffd[25;02H", "[25;02H"),
        ("\x07bell\x00", "bell"),
        ("grün → 1", "grün → 1"),
    ],
)
def test_console_is_readable(said: str, read: str) -> None:
    """A terminal's control sequences and empty lines are left out, the text stays."""
    assert clean_text(said) == read


def test_bars_stand_where_their_times_are() -> None:
    """Power-on is at the left, the longest boot ends at the right, and each bar begins where the last one ends."""
    chart = draw_timeline([node(), node("ssi2", phases=node().phases[:2])])
    long, short = chart.rows
    assert long.bars[0].x == LABEL_WIDTH
    assert long.bars[-1].x + long.bars[-1].width == pytest.approx(WIDTH - 10)
    for left, right in zip(long.bars, long.bars[1:], strict=False):
        assert left.x + left.width == pytest.approx(right.x)
    assert short.bars == tuple(long.bars[:2])
    assert short.y > long.y
    assert chart.height > short.y
    assert [tick.seconds for tick in chart.ticks] == list(range(9))


def test_chart_without_a_boot() -> None:
    """Nodes that got through no phase have rows without bars."""
    chart = draw_timeline([node(phases=())])
    assert [row.bars for row in chart.rows] == [()]
