"""What going back decides, and what `undo` takes back."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from unpacked_site import unpack

from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.site.clock import Clock
from builder.site.errors import RefusedError
from builder.site.journal import Entry
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.rollback import roll_back
from builder.site.selection import Records
from builder.site.state import Serving, SiteState, Trial
from builder.site.switch import Switch, switch
from builder.site.undo import undo

NAME = "debian-nfsroot"
CLOCK = Clock(1_700_000_000.0, "boot-a", 5000.0)
TRIAL = Trial("1.2", ("ssi1", "ssi2"), 1_700_000_900, "boot-a", 5900.0, ("ssi1",), everywhere=True)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, debian: Recipe, kerrighed: Recipe) -> Records:
    """Releases of a recipe whose nodes may boot different ones, and of one whose nodes may not."""
    places = Places(tmp_path_factory.mktemp("site"))
    for version in ("1.0", "1.1", "1.2"):
        unpack(places, debian, version)
        unpack(places, kerrighed, version)
    return read_records(places)


def back(
    serving: Serving, records: Records, nodes: tuple[str, ...] | None = None, to: str = "", name: str = NAME
) -> Serving:
    """What the nodes of a recipe boot after going back."""
    return roll_back(SiteState({name: serving}), records, name, nodes, to, CLOCK).state.of(name)


def test_all_nodes_go_back_to_the_version_before(records: Records) -> None:
    """And forth again; `sync` leaves the version alone that was given up."""
    once = back(Serving("1.1", "1.0"), records)
    assert once == Serving("1.0", "1.1", switched=1_700_000_000, failed="1.1")
    assert back(once, records) == Serving("1.1", "1.0", switched=1_700_000_000, failed="1.0")


def test_all_nodes_go_back_to_a_version_that_somebody_names(records: Records) -> None:
    """Canaries and a trial are over."""
    serving = Serving("1.1", "1.0", {"ssi4": "1.0"}, TRIAL)
    assert back(serving, records, to="1.2") == Serving("1.2", "1.1", switched=1_700_000_000, failed="1.1")


def test_nodes_on_trial_and_canaries_go_back_before_all_others(records: Records) -> None:
    """What all nodes boot stays."""
    assert back(Serving("1.1", "1.0", {"ssi4": "1.2"}), records) == Serving("1.1", "1.0", failed="1.2")
    assert back(Serving("1.1", "1.0", {"ssi4": "1.0"}, TRIAL), records) == Serving("1.1", "1.0", failed="1.2")


def test_some_nodes_go_back(records: Records) -> None:
    """A node on trial to what it booted before, a canary to what all boot, any other to the version before."""
    serving = Serving("1.1", "1.0", {"ssi2": "1.0", "ssi3": "1.2"}, TRIAL)
    after = back(serving, records, ("ssi2", "ssi3", "ssi4"))
    assert after.nodes == {"ssi2": "1.0", "ssi4": "1.0"}
    assert after.trial == replace(TRIAL, nodes=("ssi1",), everywhere=False)
    assert back(serving, records, ("ssi1", "ssi2")).trial is None
    assert back(serving, records, ("ssi1",), "1.0").nodes == {"ssi1": "1.0", "ssi2": "1.0", "ssi3": "1.2"}


def test_what_cannot_be_gone_back_to_is_refused(records: Records) -> None:
    """No version before, one that is not unpacked any more, nodes of no cluster, nodes that share a root."""
    with pytest.raises(RefusedError, match=r"no version of debian-nfsroot was booted before 1.1"):
        back(Serving("1.1"), records)
    with pytest.raises(RefusedError, match="nobody switched debian-nfsroot"):
        back(Serving(), records)
    with pytest.raises(InputError, match=r"0.9 is not unpacked"):
        back(Serving("1.1", "0.9"), records)
    with pytest.raises(InputError, match=r"the cluster of .* has no node ssi9"):
        back(Serving("1.1", "1.0"), records, ("ssi9",))
    with pytest.raises(RefusedError, match="all of them write to one root"):
        back(Serving("1.1", "1.0"), records, ("ssi1",), name="kerrighed")


def changes(*changed: tuple[str, SiteState]) -> list[Entry]:
    """Entries of a journal, each with the verb and the state after it."""
    entries, before = [], SiteState()
    for number, (verb, after) in enumerate(changed, 1):
        entries.append(Entry(number, (verb, NAME), "root", 1.0, before, after, 2.0))
        before = after
    return entries


def test_the_last_change_is_taken_back(records: Records) -> None:
    """With what its trial did since; what changed nothing of what nodes boot is passed over."""
    one, two = SiteState({NAME: Serving("1.0")}), SiteState({NAME: Serving("1.0", trial=TRIAL)})
    three = SiteState({NAME: Serving("1.0", nodes={"ssi1": "1.2"}, failed="1.2")})
    entries = changes(("switch", one), ("switch", two), ("confirm", three), ("unpack", three))
    decision = undo(entries, three, records)
    assert decision.state == one
    assert decision.words[0].startswith("Takes back change 2 of ")
    assert decision.words[0].endswith(f" by root: switch {NAME}")
    assert decision.words[1] == f"{NAME}: ssi1 boots 1.0 from the next boot on (before: 1.2)."


def test_a_second_undo_goes_one_further_back(records: Records) -> None:
    """Until nothing is left."""
    one, two = SiteState({NAME: Serving("1.0")}), SiteState({NAME: Serving("1.1", "1.0")})
    once = changes(("switch", one), ("switch", two), ("undo", one))
    assert undo(once, one, records).state == SiteState()
    twice = changes(("switch", one), ("switch", two), ("undo", one), ("undo", SiteState()))
    with pytest.raises(RefusedError, match="no change of what nodes boot is left"):
        undo(twice, SiteState(), records)


def test_what_changed_since_in_other_recipes_stays(records: Records) -> None:
    """Each recipe's nodes are taken back on their own."""
    one = SiteState({NAME: Serving("1.0"), "kerrighed": Serving("1.0", trial=replace(TRIAL, version="1.1"))})
    two = one.with_recipe(NAME, Serving("1.1", "1.0"))
    three = two.with_recipe("kerrighed", Serving("1.1", "1.0"))
    decision = undo(changes(("switch", one), ("switch", two), ("confirm", three)), three, records)
    assert decision.state == three.with_recipe(NAME, Serving("1.0"))


def test_a_release_that_is_gone_does_not_come_back(records: Records) -> None:
    """Nodes would boot nothing."""
    gone, now = SiteState({NAME: Serving("0.9")}), SiteState({NAME: Serving("1.0")})
    with pytest.raises(
        RefusedError, match=r"change 2 .*cannot be undone: debian-nfsroot 0.9 is not unpacked"
    ) as refusal:
        undo(changes(("switch", gone), ("switch", now)), now, records)
    assert "nfsroot-site unpack debian-nfsroot@0.9" in refusal.value.resolution


@pytest.mark.parametrize("seed", range(20))
def test_undo_takes_any_row_of_changes_back_one_by_one(records: Records, seed: int) -> None:
    """Whatever was switched and rolled back, as many undos as changes lead to the state of the beginning."""
    draw, state, entries = random.Random(seed), SiteState(), list[Entry]()
    for number in range(1, draw.randrange(3, 9)):
        before = state
        if draw.random() < 0.6 or not state.of(NAME).before:
            nodes = None if draw.random() < 0.5 or not state.recipes else (draw.choice(["ssi1", "ssi4"]),)
            state = switch(state, records, Switch(NAME, draw.choice(["1.0", "1.1", "1.2"]), nodes), {}, CLOCK).state
            verb = "switch"
        else:
            state, verb = roll_back(state, records, NAME, None, "", CLOCK).state, "rollback"
        entries.append(Entry(number, (verb, NAME), "root", 1.0, before, state, 2.0))
    for _ in [entry for entry in entries if entry.before != entry.after]:
        after = undo(entries, state, records).state
        entries.append(Entry(len(entries) + 1, ("undo",), "root", 1.0, state, after, 2.0))
        state = after
    assert state == SiteState()
