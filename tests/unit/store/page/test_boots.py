"""The lab's report on the page of a release."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lab_report import FAILED, STOP, cell, node, report
from store_cases import PublishedStore

from builder.lab.report.report import LabReport
from builder.lab.vocabulary.phase import Phase
from builder.store.packages import read_cached_manifest
from builder.store.page.boots import read_trials
from builder.store.page.facts import collect_facts
from builder.store.page.plan import plan_pages
from builder.store.page.render import MOST_NODES, StoreFacts, render_release
from builder.store.page.update import find_held


def page_with(store: PublishedStore, made: LabReport | dict[str, Any]) -> str:
    """The page of a release with this report of the lab."""
    store.publish("1")
    trusted = store.trusted()
    [planned] = plan_pages(find_held(trusted))
    text = made.text() if isinstance(made, LabReport) else json.dumps(made)
    facts = collect_facts(
        planned.release, read_cached_manifest(store.storage, planned.release), text.encode(), planned.before
    )
    known = StoreFacts(trusted.fingerprint, trusted.renewed, trusted.version, find_held(trusted))
    return render_release(known, facts).decode()


def test_report_of_the_lab_is_drawn(store: PublishedStore) -> None:
    """The trial with most nodes is drawn, a bar for each phase of each of them, wide and narrow."""
    page = page_with(store, report(cell(node()), cell(node("ssi1"), node("ssi2"))))
    assert page.count("<rect") == 2 * 2 * len(Phase)
    assert page.count("<svg") == 2
    assert "2 nodes from power-on" in page
    assert "2 checks, all passed" in page


def test_many_nodes_are_not_all_drawn(store: PublishedStore) -> None:
    """Of many nodes some are drawn, and the page says so."""
    page = page_with(store, report(cell(*(node(f"ssi{number}") for number in range(40)))))
    assert page.count("<rect") == 2 * MOST_NODES * len(Phase)
    assert f"The boots of {MOST_NODES} nodes are drawn." in page


def test_failures_are_told(store: PublishedStore) -> None:
    """A node that failed is named with what must hold, what was seen, and where its boot ended."""
    failed = node("ssi9", passed=False, stopped=STOP, checks=(FAILED,), phases=())
    page = page_with(store, report(cell(node()), cell(failed), cell(problem="no dhcpd", passed=False)))
    for said in ("ssi9", STOP.reason, FAILED.holds, "it is wrong by &lt;b&gt;1 h&lt;/b&gt;", "no dhcpd"):
        assert said in page


def test_phases_of_a_newer_lab_are_left_out(store: PublishedStore) -> None:
    """A phase of which this nfsroot knows nothing is not drawn; the others are."""
    newer = json.loads(report(cell(node())).text())
    newer["cells"][0]["nodes"][0]["phases"].append({"phase": "warp", "began": 8.0, "ended": 9.0})
    assert page_with(store, newer).count("<rect") == 2 * len(Phase)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"cells": 3}',
        b'{"cells": [{}]}',
        b"[" * 100_000,
        report(cell(node())).text().replace('"began": 0.0', '"began": NaN').encode(),
        report(cell(node())).text().replace('"began": 0.0', '"began": 1e300').encode(),
        report(cell(node())).text().replace('"began": 0.0', '"began": -1.0').encode(),
        report(cell(node()), manifest="a" * 64).text().encode(),
    ],
)
def test_reports_that_cannot_be_drawn(damaged: bytes) -> None:
    """A report of another form, with times that are none, or about another manifest gives nothing to draw."""
    assert read_trials(damaged, "b" * 64) == ()


def test_report_is_read_whole() -> None:
    """What the page shows of a report is what the lab wrote."""
    [trial] = read_trials(report(cell(node(), faults=("loss-5",))).text().encode(), "b" * 64)
    assert (trial.firmware, trial.nic, trial.nfs, trial.faults) == ("bios", "virtio-net", "ganesha", ("loss-5",))
    [booted] = trial.nodes
    assert [phase.phase for phase in booted.phases] == list(Phase)
    assert booted.phases[1].ended == 2.0


def test_page_of_a_report_of_another_form(store: PublishedStore) -> None:
    """The page links to a report that it cannot show."""
    assert "cannot show the lab" in page_with(store, {"verdict": "passed"})
