"""The lab finds a node's report on the server, over NFS and over HTTP, and says what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lab_subject import Replies, report, report_place, subject

from builder.lab.checks import reporting
from builder.lab.checks.reporting import CHECKS, TIMER
from builder.lab.machine.agent import Answer
from builder.recipe.choices import Transport
from builder.recipe.models import Recipe

(CHECK,) = CHECKS


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a report that will not come."""
    monkeypatch.setattr(reporting, "SECONDS_TO_REPORT", 0.01)


def over_http(recipe: Recipe) -> Recipe:
    """The recipe with nodes that load over HTTP."""
    return recipe.model_copy(update={"boot": recipe.boot.model_copy(update={"transport": Transport.HTTP})})


def test_a_report_is_found_where_the_nodes_way_leads(debian: Recipe) -> None:
    """Over NFS it has the node's name, over HTTP its address."""
    for recipe, place in ((debian, "/nfs/ssi1"), (over_http(debian), "/http/192.168.0.101")):
        assert report_place(recipe).endswith(place)
        finding = CHECK.examine(subject(recipe, {}))
        assert (finding.problems, place in finding.saw) == ((), True)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": "0.9"}, "version is '0.9', not '1.0'"),
        ({"node": "ssi2"}, "node is 'ssi2', not 'ssi1'"),
        ({"state": "degraded", "failed": ["a.service"]}, "failed is ['a.service']"),
        ({"boot_id": "boot-0"}, "no report of boot boot-1"),
    ],
)
def test_a_wrong_report_is_caught(debian: Recipe, changes: dict[str, Any], problem: str) -> None:
    """What the node says must be so, and of this boot."""
    replies = {f"server: cat {report_place(debian)}": json.dumps(report(debian, **changes))}
    assert problem in CHECK.examine(subject(debian, replies)).reason


@pytest.mark.parametrize("answer", [Answer(1, "cat: No such file or directory"), Answer(0, ""), Answer(0, "[]")])
def test_a_report_that_does_not_come_is_caught(debian: Recipe, answer: Answer) -> None:
    """The node's own word says why it did not report."""
    replies: Replies = {f"server: cat {report_place(debian)}": answer}
    reason = CHECK.examine(subject(debian, replies)).reason
    assert "is in /srv/nfsroot/reports/nfs/ssi1" in reason
    assert "the server cannot be mounted" in reason


@pytest.mark.parametrize("timer", ["", "infinity"])
def test_a_node_that_reports_once_is_caught(debian: Recipe, timer: str) -> None:
    """The timer has to be set."""
    assert CHECK.examine(subject(debian, {TIMER: timer})).problems == ("no other report of the node is due",)
