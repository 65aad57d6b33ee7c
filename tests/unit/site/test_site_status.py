"""Status says what each node runs, by its report or by traces, what it boots next, and what differs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from made_sites import asked, serving, unpack

from builder.cli.site import command
from builder.difference.packages import Way
from builder.recipe.models import Recipe
from builder.site import evidence, journal
from builder.site import state as states
from builder.site.evidence import LOADED, MOUNTED, RENEWED, Trace
from builder.site.looking import look
from builder.site.places import Places
from builder.site.reports import Report
from builder.site.sightings import find_sightings
from builder.site.state import Serving, SiteState, Trial
from builder.site.status import NodeStatus, SiteStatus, words_of_changes
from builder.site.status_formats import METRICS, render_json, render_prometheus
from builder.site.status_page import find_mark, render_page
from builder.site.status_words import age

BOOT_ID = "0d5b6a52-9c68-4b9e-8a6c-6a1f9f1f5a01"
NODES = {"192.168.0.101": "ssi1", "192.168.0.102": "ssi2"}
RELEASES = {"/NFSROOT/base/1": ("base", "1"), "/NFSROOT/base/2": ("base", "2"), "/base/2": ("base", "2")}


@pytest.fixture
def places(tmp_path: Path, debian: Recipe) -> Places:
    """A site with two releases of which nodes boot the second; it has two packages more, and one newer."""
    places = Places(tmp_path)
    packages = {
        "1": {"bash": "5.2-1", "tmux": "3.5-1"},
        "2": {"bash": "5.2-2", "tmux": "3.5-1", "vim": "9", "nano": "8"},
    }
    for number, version in enumerate(packages):
        record = unpack(places, asked(debian, version), number)
        listed = [
            {"name": name, "version": each, "architecture": "amd64", "source": name}
            for name, each in packages[version].items()
        ]
        (record.directory / "manifest.json").write_text(json.dumps({"packages": listed}))
    switch(places, serving(asked(debian, "1")))
    switch(places, serving(asked(debian, "2")))
    return places


def switch(places: Places, after: SiteState) -> None:
    """Have nodes boot something else, as the journal has it."""
    journal.change(places, ("switch",), after, lambda _state: None)


def report(places: Places, node: str, version: str, **changes: Any) -> None:
    """Have a node report, as it does over NFS."""
    places.reports_over_nfs.mkdir(parents=True, exist_ok=True)
    said = {
        "schema": 1,
        "node": node,
        "release": "debian-nfsroot",
        "version": version,
        "boot_id": BOOT_ID,
        "state": "running",
        "seconds": 9.4,
        "failed": [],
        "time": 1_795_946_400,
        **changes,
    }
    (places.reports_over_nfs / node).write_text(json.dumps(said))


def of_node(status: SiteStatus, name: str) -> NodeStatus:
    """The status of a node."""
    (found,) = [node for node in status.nodes if node.node == name]
    return found


def test_a_site_without_releases_has_no_nodes(tmp_path: Path) -> None:
    """A new server is as it was switched."""
    assert look(Places(tmp_path)) == SiteStatus(())


def test_a_node_that_runs_what_it_boots_next_is_as_switched(places: Places) -> None:
    """Its report says so."""
    report(places, "ssi1", "2")
    node = of_node(look(places), "ssi1")
    assert (node.runs, node.next_version, node.changes_at_boot, node.differs) == ("2", "2", False, "")
    assert find_mark(node) == ("as switched", "ok")


def test_what_changes_at_the_next_boot_is_told(places: Places) -> None:
    """A node that has not booted since the switch changes then, and the packages that differ are named."""
    report(places, "ssi1", "1", uptime=1_000_000)
    status = look(places)
    node = of_node(status, "ssi1")
    assert node.changes_at_boot
    assert node.changes is not None
    assert [(change.name, change.way) for change in node.changes] == [
        ("bash", Way.UP),
        ("nano", Way.ADDED),
        ("vim", Way.ADDED),
    ]
    assert words_of_changes(node.changes) == "1 package updated, 2 added"
    assert status.is_as_switched


def test_a_node_that_booted_something_else_differs(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """It booted after its menu changed, and its report has another version than the menu."""
    monkeypatch.setattr("builder.site.status.SECONDS_OF_A_BOOT", -10)
    report(places, "ssi1", "1", uptime=5)
    status = look(places)
    assert "booted 1 at " in of_node(status, "ssi1").differs
    assert not status.is_as_switched


def test_a_node_that_may_have_booted_before_the_switch_does_not_differ(places: Places) -> None:
    """Between the menu that it loaded and its report some time goes by."""
    report(places, "ssi1", "1", uptime=5)
    assert look(places).is_as_switched


def test_an_old_report_without_uptime_accuses_nobody(places: Places) -> None:
    """Nobody knows when that node booted."""
    report(places, "ssi1", "1")
    node = of_node(look(places), "ssi1")
    assert node.sighting is not None
    assert (node.sighting.since, node.differs) == (None, "")


def test_a_change_that_was_interrupted_is_a_problem(places: Places) -> None:
    """The server may be between two states."""

    def fail(_state: SiteState) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        journal.change(places, ("rollback", "debian-nfsroot"), states.read(places.state), fail)
    assert "(rollback debian-nfsroot) was interrupted" in look(places).problems[0]


def test_a_release_that_nodes_boot_and_is_not_there_is_a_problem(places: Places) -> None:
    """Somebody removed it by hand."""
    switch(places, SiteState({"debian-nfsroot": Serving("3", "2")}))
    assert look(places).problems == ("nodes boot debian-nfsroot 3, which is not unpacked here",)


def test_nodes_on_trial_are_marked(places: Places) -> None:
    """Until the deadline, or as confirmed."""
    trial = Trial("1", ("ssi1", "ssi2"), 1_795_946_400, "boot", 9.0, confirmed=("ssi2",))
    switch(places, SiteState({"debian-nfsroot": Serving("2", "1", trial=trial)}))
    status = look(places)
    assert of_node(status, "ssi1").trial.startswith("until 2026-11-29 ")
    assert [of_node(status, name).trial for name in ("ssi2", "ssi3")] == ["confirmed", ""]
    assert [of_node(status, name).next_version for name in ("ssi1", "ssi3")] == ["1", "2"]


def test_reports_that_were_passed_over_are_named(places: Places) -> None:
    """With file and reason."""
    report(places, "ssi1", "2", state="fine")
    (note,) = look(places).notes
    assert note.endswith("/reports/nfs/ssi1 is no report: its state is not one of systemd's")


def said(version: str, received: float, uptime: float | None = 100) -> Report:
    """The report of node ssi1."""
    return Report("ssi1", "base", version, BOOT_ID, "running", 9.0, (), 1, received, "nfs", uptime)


def test_a_report_counts_more_than_the_traces_of_its_boot() -> None:
    """What the node loaded before it reported says no more than the report."""
    traces = [Trace("192.168.0.101", "/NFSROOT/base/2", 895.0, MOUNTED), Trace("192.168.0.101", "", 2000.0, RENEWED)]
    sighting = find_sightings({"ssi1": said("2", 1000)}, traces, NODES, RELEASES)["ssi1"]
    assert (sighting.version, sighting.since, sighting.seen, sighting.evidence) == ("2", 900, 1000, "reported")


def test_a_trace_after_the_report_is_of_another_boot() -> None:
    """A node that went back to a release that does not report runs that."""
    traces = [Trace("192.168.0.101", "/NFSROOT/base/1/var", 5000.0, MOUNTED)]
    sighting = find_sightings({"ssi1": said("2", 1000)}, traces, NODES, RELEASES)["ssi1"]
    assert (sighting.version, sighting.since, sighting.evidence) == ("1", 5000.0, MOUNTED)


def test_without_a_report_the_newest_trace_of_a_release_counts() -> None:
    """rmtab, which has no time, counts least, and a client that names no path tells no release."""
    traces = [
        Trace("192.168.0.101", "base/2/vmlinuz", 7.0, LOADED),
        Trace("192.168.0.101", "/NFSROOT/base/1", None, MOUNTED),
        Trace("192.168.0.101", "/NFSROOT/base/state/all", 99.0, MOUNTED),
        Trace("192.168.0.102", "", 8.0, RENEWED),
        Trace("10.0.0.1", "/NFSROOT/base/1", 9.0, MOUNTED),
    ]
    found = find_sightings({}, traces, NODES, RELEASES)
    assert {node: (each.version, each.seen) for node, each in found.items()} == {"ssi1": ("2", 7.0), "ssi2": ("", 8.0)}


def test_other_programs_read_json(places: Places) -> None:
    """Every node is there, with what is known of it and nulls for the rest."""
    report(places, "ssi1", "1", uptime=1_000_000, failed=["a.service"], state="degraded")
    document = json.loads(render_json(look(places), 1.0))
    first, second = document["nodes"][:2]
    assert (first["runs"], first["next_boot"]) == ({"release": "debian-nfsroot", "version": "1"}, "2")
    assert (first["state"], first["failed"], first["evidence"]) == ("degraded", ["a.service"], "reported")
    (changes,) = document["changes"]
    assert (changes["recipe"], changes["runs"], changes["next_boot"]) == ("debian-nfsroot", "1", "2")
    assert changes["packages"][0] == {"name": "bash", "way": "up", "before": "5.2-1", "after": "5.2-2"}
    assert (second["runs"], second["seen"], second["failed"]) == (None, None, [])


def test_prometheus_reads_the_metrics(places: Places) -> None:
    """Each metric has help, a type, and each of its samples behind them, in one group."""
    report(places, "ssi1", "1", uptime=1_000_000, failed=["a.service"], state="degraded")
    text = render_prometheus(look(places), 1.0)
    assert text.endswith("\n")
    assert 'nfsroot_node_runs{node="ssi1",recipe="debian-nfsroot",release="debian-nfsroot",version="1"} 1\n' in text
    assert 'nfsroot_node_changes_at_boot{node="ssi1",recipe="debian-nfsroot"} 1\n' in text
    assert 'nfsroot_node_failed_units{node="ssi1",recipe="debian-nfsroot"} 1\n' in text
    names = [line.split()[2] if line[0] == "#" else line.split("{")[0].split()[0] for line in text.splitlines()]
    assert list(dict.fromkeys(names)) == list(METRICS)
    assert names == sorted(names, key=list(METRICS).index)


def test_the_page_shows_words_and_no_markup(places: Places) -> None:
    """Whatever a server or a node is called, it is text on the page."""
    report(places, "ssi1", "1", uptime=1_000_000, failed=[r"dev-a\x2db.swap"], state="degraded")
    status = look(places)
    page = render_page(replace(status, problems=("<script>alert(1)</script>",)), "<b>server", 1.0)
    assert "&lt;b&gt;server" in page
    assert "<script" not in page
    assert "degraded: dev-a\\x2db.swap failed" in page
    assert "at its next boot 1 package updated, 2 added" in page


def run(places: Places, *arguments: str) -> Any:
    """What the verb writes, and its exit status."""
    return CliRunner().invoke(command, ["--root", str(places.root), "status", *arguments])


def test_the_table_names_every_node(places: Places) -> None:
    """Behind a summary of each recipe."""
    report(places, "ssi1", "1", uptime=1_000_000)
    done = run(places)
    assert done.exit_code == 0, done.output
    summary, head, first, *others = done.output.splitlines()
    assert summary == "debian-nfsroot: ssi1 run 1; nobody knows what ssi[2-4] run."
    assert head.split() == ["NODE", "RUNS", "NEXT", "BOOT", "SINCE", "EVIDENCE", "STATE"]
    assert first.split()[:3] == ["ssi1", "1", "2"]
    assert first.endswith("running; at its next boot 1 package updated, 2 added")
    assert [line.split()[0] for line in others] == ["ssi2", "ssi3", "ssi4"]


def test_the_exit_status_says_whether_anything_differs(places: Places) -> None:
    """For a script, or a monitoring system."""
    switch(places, SiteState({"debian-nfsroot": Serving("3", "2")}))
    assert run(places).exit_code == 1
    assert run(places, "--json").exit_code == 1


def test_a_file_is_replaced_whole(places: Places, tmp_path: Path) -> None:
    """node_exporter and browsers read it at any moment; nothing is left beside it."""
    directory = tmp_path / "out"
    directory.mkdir()
    assert run(places, "--prometheus", "--output", str(directory / "nfsroot.prom")).exit_code == 0
    assert run(places, "--html", str(directory / "status.html")).exit_code == 0
    assert sorted(file.name for file in directory.iterdir()) == ["nfsroot.prom", "status.html"]
    assert (directory / "status.html").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("nobody",), 2, "nobody has no release on this server"),
        (("--json", "--prometheus"), 2, "exclude each other"),
        (("--watch",), 2, "--watch needs a terminal"),
        (("--html", "/nonexistent/status.html"), 1, "/nonexistent/status.html cannot be written"),
    ],
)
def test_mistakes_end_in_a_sentence(places: Places, arguments: tuple[str, ...], status: int, words: str) -> None:
    """What was wrong and how to put it right."""
    done = run(places, *arguments)
    assert (getattr(done.exception, "exit_status", done.exit_code), words in f"{done.output}{done.exception}") == (
        status,
        True,
    )


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59, "59 s"), (61, "1 min"), (3600, "60 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_spans_of_time_are_rough(seconds: float, words: str) -> None:
    """One number and a unit."""
    assert age(seconds) == words


def test_nothing_is_asked_below_another_root(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemons of this machine know nothing of a tree elsewhere."""
    monkeypatch.setattr(evidence.subprocess, "run", lambda *_, **__: pytest.fail("a program was run"))
    look(places)
