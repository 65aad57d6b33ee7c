"""The page of a site's status in a real browser: on a desk and on a telephone, by day and by night."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from devtools import LEAST_CONTRAST, LEAST_TEXT, TEXTS, Tab, open_tab

from builder.difference.packages import Mark, PackageChange, Way
from builder.site.sightings import Sighting
from builder.site.status import NodeStatus, SiteStatus
from builder.site.status_page import render_page

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the browser gets a namespace without a network")

LONG = "dev-disk-by-label-" + "x" * 200 + ".swap"
"""A name without a place to break it."""

NOW = 1_795_950_000.0
OLD, NEW = "2026.11.27", "2026.11.29+rc1~0123456789012345678901234567890123456789"
UPDATED = (PackageChange("bash", "amd64", "bash", Way.UP, "5.2-1", "5.2-2", Mark.NONE),)
SEEN = Sighting("kerrighed", NEW, NOW - 9000, NOW - 60, "reported", "running")
NODES = (
    NodeStatus("kerrighed", "ssi1", "192.168.0.101", SEEN, NEW),
    NodeStatus("kerrighed", "ssi2", "192.168.0.102", SEEN, OLD, changes=UPDATED, differs=f"booted {NEW}, not {OLD}"),
    NodeStatus("kerrighed", "ssi3", "192.168.0.103", SEEN, NEW, trial="until 2026-11-29 10:15:00"),
    NodeStatus("kerrighed", "ssi4", "192.168.0.104", None, NEW),
    NodeStatus(
        "debian-nfsroot",
        "a-node-whose-name-is-as-long-as-one-may-be-63-letters-by-rfc-1123",
        "192.168.0.105",
        Sighting("debian-nfsroot", OLD, None, NOW - 400_000, "reported", "degraded", (LONG, "ssh.service")),
        NEW,
        changes=UPDATED,
    ),
)
STATUS = SiteStatus(NODES, ("change 12 (switch) was interrupted",), (f"/srv/nfsroot/reports/nfs/{LONG} is no report",))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a node of each mark, and words that are wider than a telephone."""
    file = tmp_path_factory.mktemp("page") / "status.html"
    file.write_text(render_page(STATUS, "nfsserver", NOW))
    return file


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The browser."""
    with open_tab(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_page_can_be_read(tab: Tab, page: Path, tmp_path: Path, width: int, dark: bool) -> None:
    """Nothing is wider than the window, no text is too small or too pale, and the browser has no complaint."""
    tab.show(page, width=width, dark=dark)
    assert tab.ask("document.documentElement.scrollWidth") == width
    texts = tab.ask(TEXTS)
    assert len(texts) > 30
    assert [text for text in texts if text["right"] > width] == []
    assert [text for text in texts if text["size"] < LEAST_TEXT] == []
    assert [text for text in texts if text["contrast"] < LEAST_CONTRAST] == []
    assert tab.complaints == []
    tab.picture(tmp_path / "page.png")
    ground = tab.ask("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground))) < 150) is dark


def test_nodes_that_want_to_be_looked_at_come_first(tab: Tab, page: Path) -> None:
    """What differs stands above what is on trial, and that above what is as it was switched."""
    tab.show(page, width=1280)
    marks = tab.ask(
        "Array.from(document.querySelectorAll('section:first-of-type tbody .mark'), mark => mark.textContent)"
    )
    assert marks == ["differs", "on trial", "never seen", "as switched"]
