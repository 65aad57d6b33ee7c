"""What a switch decides: which nodes boot a version, for good or on trial, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_releases import with_changes
from unpacked_site import boot_id, unpack

from builder.errors import InputError, NfsrootError
from builder.recipe.models import Recipe
from builder.site.clock import Clock
from builder.site.decision import Decision
from builder.site.errors import RefusedError
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.reports import Report
from builder.site.selection import Records
from builder.site.state import Serving, SiteState, Trial
from builder.site.switch import Switch, switch

NAME = "debian-nfsroot"
ALL = ("ssi1", "ssi2", "ssi3", "ssi4")
CLOCK = Clock(1_700_000_000.5, "boot-a", 5000.25)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, debian: Recipe, kerrighed: Recipe) -> Records:
    """Releases 1.0 to 1.2 of a recipe whose nodes may boot different ones, and two of one whose nodes may not."""
    places = Places(tmp_path_factory.mktemp("site"))
    for version in ("1.0", "1.1", "1.2"):
        unpack(places, debian, version)
    for version in ("1.0", "1.1"):
        unpack(places, kerrighed, version)
    return read_records(places)


def state_of(serving: Serving, name: str = NAME) -> SiteState:
    """The state of a site with one recipe."""
    return SiteState({name: serving})


def decide(state: SiteState, records: Records, wish: Switch) -> Decision:
    """Decide without reports."""
    return switch(state, records, wish, {}, CLOCK)


def test_the_first_switch_gives_all_nodes_a_version(records: Records) -> None:
    """There is no version before."""
    decision = decide(SiteState(), records, Switch(NAME, "1.0"))
    assert decision.state.of(NAME) == Serving("1.0", switched=1_700_000_000)
    assert decision.words == (
        f"{NAME}: ssi[1-4] boot 1.0 from the next boot on.",
        f"{NAME}: the servers get the settings of 1.0.",
    )


def test_a_switch_of_all_nodes_remembers_the_version_before(records: Records) -> None:
    """Canaries follow, and a version that failed earlier is forgiven when somebody wants it."""
    state = state_of(Serving("1.0", "0.9", {"ssi2": "1.2"}, failed="1.1"))
    decision = decide(state, records, Switch(NAME, "1.1"))
    assert decision.state.of(NAME) == Serving("1.1", "1.0", switched=1_700_000_000)
    assert decision.words == (
        f"{NAME}: ssi[1,3-4] boot 1.1 from the next boot on (before: 1.0).",
        f"{NAME}: ssi2 boots 1.1 from the next boot on (before: 1.2).",
    )


def test_the_version_of_now_changes_nothing(records: Records) -> None:
    """A second call says so, and keeps the version before."""
    state = state_of(Serving("1.1", "1.0", switched=7))
    decision = decide(state, records, Switch(NAME, "1.1"))
    assert decision.state == state
    assert decision.words == (f"All nodes of {NAME} boot 1.1 already.",)


def test_some_nodes_get_a_version_of_their_own(records: Records) -> None:
    """The others keep theirs; a canary that gets the version of all is none any more."""
    state = state_of(Serving("1.0", "0.9", {"ssi1": "1.2"}))
    decision = decide(state, records, Switch(NAME, "1.1", ("ssi2", "ssi3")))
    assert decision.state.of(NAME).nodes == {"ssi1": "1.2", "ssi2": "1.1", "ssi3": "1.1"}
    back = decide(decision.state, records, Switch(NAME, "1.0", ("ssi1", "ssi2")))
    assert back.state.of(NAME).nodes == {"ssi3": "1.1"}
    assert back.state.of(NAME).version == "1.0"


def test_a_trial_leaves_everything_else_as_it_is(records: Records) -> None:
    """Its deadline is known by both clocks; nodes that boot the version already are not on trial."""
    serving = Serving("1.0", "0.9", {"ssi1": "1.1", "ssi2": "1.2"}, switched=7)
    decision = decide(state_of(serving), records, Switch(NAME, "1.1", ("ssi1", "ssi2", "ssi3"), confirm=900))
    now = decision.state.of(NAME)
    assert now.trial == Trial("1.1", ("ssi2", "ssi3"), 1_700_000_900, "boot-a", 5900.25, (), 900)
    assert (now.version, now.before, now.nodes, now.switched) == ("1.0", "0.9", serving.nodes, 7)
    assert [now.version_of(node) for node in ALL] == ["1.1", "1.1", "1.1", "1.0"]
    assert [now.earlier_version_of(node) for node in ALL] == ["1.0", "1.2", "1.0", "0.9"]
    assert decision.words[-1].startswith("Nodes on trial that have not reported by ")
    assert "get 1.0 or 1.2 back" in decision.words[-1]


def test_a_trial_of_all_nodes_is_followed_by_the_settings(records: Records) -> None:
    """All nodes that have a menu are on trial; the site remembers to switch when they are confirmed."""
    now = decide(state_of(Serving("1.0")), records, Switch(NAME, "1.1", confirm=60)).state.of(NAME)
    assert now.trial
    assert (now.trial.nodes, now.trial.everywhere, now.version) == (ALL, True, "1.0")


def test_a_report_from_before_the_trial_proves_nothing(records: Records) -> None:
    """A node whose menu went back, and that has not started anew since, still reports the version."""
    report = Report("ssi1", NAME, "1.1", boot_id(1), "running", 20.0, (), 0, 0.0, "nfs")
    wish = Switch(NAME, "1.1", ("ssi1", "ssi2"), confirm=60)
    trial = switch(state_of(Serving("1.0")), records, wish, {"ssi1": report}, CLOCK).state.of(NAME).trial
    assert trial
    assert trial.earlier_boots == (boot_id(1),)


def test_the_first_version_is_not_on_trial(records: Records) -> None:
    """Nodes would have nothing to go back to."""
    decision = decide(SiteState(), records, Switch(NAME, "1.0", confirm=60))
    assert decision.state.of(NAME) == Serving("1.0", switched=1_700_000_000)
    assert "the first one is not on trial" in decision.words[-1]


REFUSED = [
    (Switch(NAME, "2.0"), InputError, "debian-nfsroot 2.0 is not unpacked.*Unpacked are 1"),
    (Switch("other", "1.0"), InputError, "no release of other is unpacked.*debian-nfsroot, kerrighed"),
    (Switch(NAME, "1.1", ("ssi9",)), InputError, r"has no node ssi9.*ssi\[1-4\]"),
]


@pytest.mark.parametrize(("wish", "error", "words"), REFUSED)
def test_what_is_not_there_is_refused(records: Records, wish: Switch, error: type[NfsrootError], words: str) -> None:
    """Releases that are not unpacked, nodes that are not in the cluster: each with what there is."""
    with pytest.raises(error, match=f"(?s){words}"):
        decide(state_of(Serving("1.0")), records, wish)


def test_nodes_that_write_to_one_root_boot_one_version(records: Records) -> None:
    """A canary of kerrighed would be in another tree than its cluster."""
    with pytest.raises(RefusedError, match="all of them write to one root"):
        decide(state_of(Serving("1.0"), "kerrighed"), records, Switch("kerrighed", "1.1", ("ssi1",)))
    assert decide(state_of(Serving("1.0"), "kerrighed"), records, Switch("kerrighed", "1.1", confirm=60))


def test_no_canary_before_all_nodes_have_a_version(records: Records) -> None:
    """The servers would have no settings, and DHCP would not answer the canary."""
    with pytest.raises(RefusedError, match="no version of debian-nfsroot serves all nodes yet"):
        decide(SiteState(), records, Switch(NAME, "1.0", ("ssi1",)))


def test_one_trial_at_a_time(records: Records) -> None:
    """A second one is refused as long as the first is under way, with both ways out of it."""
    state = state_of(Serving("1.0", trial=Trial("1.1", ("ssi1",), 1_700_000_900, "boot-a", 5900.0)))
    with pytest.raises(RefusedError, match=r"ssi1 of debian-nfsroot has 1.1 on trial until") as refusal:
        decide(state, records, Switch(NAME, "1.2"))
    assert "nfsroot-site confirm debian-nfsroot" in refusal.value.resolution
    assert "nfsroot-site rollback debian-nfsroot" in refusal.value.resolution


def test_a_cluster_that_changes_is_said(tmp_path: Path, debian: Recipe) -> None:
    """Nodes that join, leave, or have other addresses, and programs that serve instead of others."""
    places, nodes = Places(tmp_path), debian.cluster.nodes
    unpack(places, with_changes(debian, cluster__nodes=nodes[:3]), "1.0")
    moved = nodes[1].model_copy(update={"mac": "52:54:00:99:99:99"})
    changed = with_changes(debian, cluster__nodes=(moved, *nodes[2:]), cluster__server__dhcp="kea")
    unpack(places, changed, "1.1")
    decision = decide(state_of(Serving("1.0")), read_records(places), Switch(NAME, "1.1"))
    assert decision.words == (
        f"{NAME}: ssi1 boots nothing any more (before: 1.0).",
        f"{NAME}: ssi[2-3] boot 1.1 from the next boot on (before: 1.0).",
        f"{NAME}: ssi4 boots 1.1 from the next boot on.",
        f"{NAME}: the cluster gets ssi4: DHCP and /etc/hosts change.",
        f"{NAME}: the cluster loses ssi1: DHCP does not answer them any more.",
        f"{NAME}: ssi2 has 52:54:00:99:99:99 192.168.0.102 instead of 52:54:00:00:01:02 192.168.0.102: "
        "DHCP and /etc/hosts change.",
        f"{NAME}: dhcp is served by kea instead of isc.",
    )
