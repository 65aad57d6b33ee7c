from __future__ import annotations

from datetime import UTC, datetime

from builder.lab.report.report import CheckResult
from builder.lab.report.timeline import WIDTH
from builder.lab.story.page import SERVER, draw_chart, render_page
from builder.lab.story.report import CommandRun, SceneReport, SpanReport, StoryReport
from builder.lab.vocabulary.hardware import Accelerator

UNPACK = CommandRun(command="nfsroot-site unpack a@<b>", status=0, began=2.0, ended=12.0, output="done & well")
CLAIM = CheckResult(name="root", holds="the root is there", passed=True, reason="/NFSROOT/a/1")


def report(*, passed: bool = True) -> StoryReport:
    """A story of two scenes, of which the second may have failed."""
    first = SceneReport(
        name="begin", title="It begins.", began=0.0, ended=20.0, passed=True, problem=None, commands=(UNPACK,),
        claims=(CLAIM,),
    )  # fmt: skip
    second = first.model_copy(
        update={"name": "boot", "began": 20.0, "ended": 100.0, "passed": passed, "commands": (), "claims": ()}
    )
    return StoryReport(
        story="update", name="a", versions={"A": "1", "B": "1.b"}, tool_version="1", accelerator=Accelerator.TCG,
        started=datetime(2026, 1, 31, tzinfo=UTC), seconds=100.0, passed=passed, problem=None,
        scenes=(first, second), not_played=() if passed else ("canary",),
        spans=(SpanReport(node="ssi1", began=20.0, ended=80.0, what="boots A"),),
    )  # fmt: skip


def test_chart() -> None:
    """Server and nodes have a row each, in which everything stands where its time is; scenes lie beneath."""
    made = draw_chart(report())
    assert [name for name, _, _ in made.rows] == [SERVER, "ssi1"]
    (command,), (boot,) = made.rows[0][2], made.rows[1][2]
    assert (command.says, boot.says) == (UNPACK.command, "boots A")
    assert round(boot.width / command.width, 6) == 6.0
    assert [band.says for band in made.bands] == ["begin", "boot"]
    assert made.bands[0].x + made.bands[0].width == made.bands[1].x
    assert made.bands[1].x + made.bands[1].width <= WIDTH


def test_page_escapes() -> None:
    """What commands and nodes say is text, and the page loads nothing."""
    page = render_page(report(), {"nfs.log": "<script>"})
    assert "unpack a@&lt;b&gt;" in page
    assert "done &amp; well" in page
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_page_of_a_failure() -> None:
    """The page says what failed and what was not played."""
    page = render_page(report(passed=False), {})
    assert '<span class="failed">failed</span>' in page
    assert "canary" in page


def test_report_is_read_again() -> None:
    """story.json holds the whole report."""
    made = report()
    assert StoryReport.model_validate_json(made.text()) == made
