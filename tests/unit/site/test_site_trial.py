"""Trials: reports confirm nodes, and at the deadline the others get their earlier version back."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from made_releases import with_changes
from unpacked_site import boot_id, unpack

from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.site import trial as trials
from builder.site.clock import Clock, read_clock
from builder.site.decision import Decision
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.reports import Report
from builder.site.selection import Records
from builder.site.state import Serving, SiteState
from builder.site.switch import Switch, switch

NAME = "debian-nfsroot"
ALL = ("ssi1", "ssi2", "ssi3", "ssi4")
BEGIN = Clock(1_700_000_000.0, "boot-a", 5000.0)
SERVING = Serving("1.0", "0.9", {"ssi4": "0.9"}, switched=7)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, debian: Recipe, kerrighed: Recipe) -> Records:
    """Two releases of a recipe whose nodes may boot different ones, and of one whose nodes may not."""
    places = Places(tmp_path_factory.mktemp("site"))
    for version in ("1.0", "1.1"):
        unpack(places, debian, version)
        unpack(places, kerrighed, version)
    return read_records(places)


def on_trial(records: Records, nodes: tuple[str, ...] | None, name: str = NAME) -> SiteState:
    """The state in which nodes have 1.1 on trial for 15 minutes."""
    state = SiteState({name: replace(SERVING, nodes={} if name == "kerrighed" else SERVING.nodes)})
    return switch(state, records, Switch(name, "1.1", nodes, 900), {}, BEGIN).state


def after(seconds: float, wall: float = 0.0, boot: str = "boot-a") -> Clock:
    """The time so many seconds after the begin; somebody set the wall clock by `wall` seconds."""
    return Clock(BEGIN.now + seconds + wall, boot, BEGIN.uptime + seconds)


def settle(
    state: SiteState, records: Records, reported: Collection[str], clock: Clock, name: str = NAME, version: str = "1.1"
) -> Decision:
    """Settle, when these nodes have reported a version."""
    reports = {
        node: Report(node, name, version, boot_id(number), "running", 20.0, (), 0, 0.0, "nfs")
        for number, node in enumerate(reported)
    }
    return trials.settle(state, records, {name: reports}, clock)


def test_a_node_that_reports_is_confirmed(records: Records) -> None:
    """The trial goes on for the others."""
    state = on_trial(records, ("ssi1", "ssi2"))
    decision = settle(state, records, ["ssi2"], after(60))
    trial = decision.state.of(NAME).trial
    assert trial
    assert trial.confirmed == ("ssi2",)
    assert decision.words == (f"{NAME}: ssi2 reported and runs 1.1: confirmed.",)
    assert not decision.warnings
    assert settle(decision.state, records, ["ssi2"], after(120)) == Decision(decision.state)


def test_a_report_of_another_version_or_recipe_confirms_nobody(records: Records) -> None:
    """The node runs something else."""
    state = on_trial(records, ("ssi1", "ssi2"))
    assert settle(state, records, ["ssi1"], after(60), version="1.0").state == state
    reports = {"ssi1": Report("ssi1", "other", "1.1", boot_id(1), "running", 20.0, (), 0, 0.0, "nfs")}
    assert trials.settle(state, records, {NAME: reports}, after(60)).state == state


def test_a_report_of_an_earlier_boot_confirms_nobody(records: Records) -> None:
    """Until the node starts anew, and reports with another boot id."""
    state = on_trial(records, ("ssi1", "ssi2"))
    trial = state.of(NAME).trial
    assert trial
    state = state.with_recipe(NAME, replace(state.of(NAME), trial=replace(trial, earlier_boots=(boot_id(0),))))
    assert settle(state, records, ["ssi1"], after(60)).state == state


def test_units_that_failed_are_named(records: Records) -> None:
    """A degraded node is confirmed, for it booted."""
    report = Report("ssi1", NAME, "1.1", boot_id(1), "degraded", 20.0, ("ntp.service",), 0, 0.0, "nfs")
    decision = trials.settle(on_trial(records, ("ssi1", "ssi2")), records, {NAME: {"ssi1": report}}, after(60))
    assert f"{NAME}: on ssi1 failed ntp.service." in decision.words


def test_a_trial_ends_when_all_its_nodes_reported(records: Records) -> None:
    """They have the version for good, and their canaries of before are forgotten."""
    decision = settle(on_trial(records, ("ssi1", "ssi4")), records, ["ssi1", "ssi4"], after(60))
    assert decision.state.of(NAME) == replace(SERVING, nodes={"ssi1": "1.1", "ssi4": "1.1"})
    assert f"{NAME}: the trial of 1.1 is over: it stays." in decision.words


def test_a_trial_of_all_nodes_ends_in_a_switch(records: Records) -> None:
    """The version of the trial is that of all nodes, with its settings."""
    decision = settle(on_trial(records, None), records, ALL, after(60))
    assert decision.state.of(NAME) == Serving("1.1", "1.0", switched=1_700_000_060)


def test_the_end_of_a_trial_says_which_settings_follow(tmp_path: Path, debian: Recipe) -> None:
    """A node that the version adds gets its menu and DHCP when the others are confirmed."""
    places = Places(tmp_path)
    unpack(places, with_changes(debian, cluster__nodes=debian.cluster.nodes[:3]), "1.0")
    unpack(places, debian, "1.1")
    records = read_records(places)
    state = switch(SiteState({NAME: Serving("1.0")}), records, Switch(NAME, "1.1", None, 900), {}, BEGIN).state
    decision = settle(state, records, ALL[:3], after(60))
    assert decision.words[-1] == f"{NAME}: the cluster gets ssi4: DHCP and /etc/hosts change."


def test_at_the_deadline_the_others_go_back(records: Records) -> None:
    """Each to what it booted before; those that reported keep the version, and sync will not try it again."""
    decision = settle(on_trial(records, ("ssi1", "ssi2", "ssi4")), records, ["ssi2"], after(900))
    assert decision.state.of(NAME) == replace(SERVING, nodes={"ssi4": "0.9", "ssi2": "1.1"}, failed="1.1")
    assert decision.warnings == (
        f"{NAME}: ssi[1,4] did not report 1.1 in 900 s: ssi1 boots 1.0 again; ssi4 boots 0.9 again.",
        f"{NAME}: ssi2 reported and keeps 1.1.",
    )


def test_nodes_that_share_a_root_go_back_together(records: Records) -> None:
    """Half of a cluster in another tree would be no cluster."""
    decision = settle(on_trial(records, None, "kerrighed"), records, ALL[:3], after(900), "kerrighed")
    assert decision.state.of("kerrighed") == Serving("1.0", "0.9", switched=7, failed="1.1")
    assert decision.warnings == (
        "kerrighed: ssi4 did not report 1.1 in 900 s: ssi[1-4] boots 1.0 again.",
        "kerrighed: ssi[1-3] reported, and goes back as well, for all nodes write to one root.",
    )


@pytest.mark.parametrize("seed", range(20))
def test_a_clock_that_jumps_neither_ends_a_trial_nor_keeps_it(records: Records, seed: int) -> None:
    """As long as the server runs, the deadline comes after 15 minutes, wherever the wall clock is set."""
    draw = random.Random(seed)
    state = on_trial(records, ("ssi1",))
    for seconds in sorted(draw.uniform(0, 899.9) for _ in range(5)):
        jump = draw.choice([-1, 1]) * draw.uniform(0, 1e9)
        assert settle(state, records, [], after(seconds, jump)).state == state
    ended = settle(state, records, [], after(900 + draw.uniform(0, 60), draw.uniform(-1e9, 1e9)))
    assert ended.state.of(NAME).trial is None


@pytest.mark.parametrize("seed", range(20))
def test_after_a_boot_of_the_server_a_trial_has_at_most_its_time_once_more(records: Records, seed: int) -> None:
    """The wall clock says what is left, but never more than the whole; from then on it may jump again."""
    draw = random.Random(seed)
    state, jump = on_trial(records, ("ssi1",)), draw.choice([0.0, -1e9, -30.0, 1e9])
    clock = Clock(BEGIN.now + 300 + jump, "boot-b", 12.0)
    now = settle(state, records, [], clock).state
    if jump == 1e9:
        assert now.of(NAME).trial is None
        return
    left = {0.0: 600.0, -1e9: 900.0, -30.0: 630.0}[jump]
    trial = now.of(NAME).trial
    assert trial
    assert (trial.boot_id, trial.uptime) == ("boot-b", 12.0 + left)
    just_before = Clock(draw.uniform(0, 2e9), "boot-b", 12.0 + left - 0.1)
    assert settle(now, records, [], just_before).state == now
    assert settle(now, records, [], replace(just_before, uptime=12.0 + left)).state.of(NAME).trial is None


def test_somebody_may_confirm_nodes_by_hand(records: Records) -> None:
    """Some of them, and then the rest, which ends the trial."""
    state = on_trial(records, ("ssi1", "ssi2"))
    first = trials.confirm(state, records, NAME, ("ssi1",), after(60))
    trial = first.state.of(NAME).trial
    assert trial
    assert trial.confirmed == ("ssi1",)
    both = trials.confirm(first.state, records, NAME, None, after(60))
    assert both.state.of(NAME) == replace(SERVING, nodes={"ssi4": "0.9", "ssi1": "1.1", "ssi2": "1.1"})


def test_only_nodes_on_trial_are_confirmed(records: Records) -> None:
    """Anything else is a mistake of whoever types it."""
    with pytest.raises(InputError, match="ssi3 of debian-nfsroot is not on trial"):
        trials.confirm(on_trial(records, ("ssi1",)), records, NAME, ("ssi3",), after(0))
    with pytest.raises(InputError, match="no node of debian-nfsroot is on trial"):
        trials.confirm(SiteState({NAME: SERVING}), records, NAME, None, after(0))


def test_the_clock_of_this_machine_is_read() -> None:
    """Its boot id is that of random(4), and its uptime grows."""
    first, second = read_clock(), read_clock()
    assert first.boot_id == second.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert 0 < first.uptime < second.uptime
