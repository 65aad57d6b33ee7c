"""Which releases stay on a server: each with what keeps it, and none goes that a node may have."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from unpacked_site import unpack

from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.site.clock import Clock, wall_time
from builder.site.errors import RefusedError
from builder.site.history import left_menus
from builder.site.journal import Entry
from builder.site.places import Places
from builder.site.records import Record, read_records
from builder.site.retention import Knowledge, decide_retention
from builder.site.selection import Records
from builder.site.sightings import REPORTED, Sighting
from builder.site.state import Serving, SiteState, Trial
from builder.site.taking_away import take_away

NAME = "debian-nfsroot"
NOW = 1_000_000.0
DAY, WEEK = 86400, 7 * 86400
UNKNOWN = Knowledge((), {}, Clock(NOW, "boot-a", 5.0))
VERSIONS = ("1.4", "1.3", "1.2", "1.1", "1.0")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, debian: Recipe) -> Records:
    """Releases 1.0 to 1.4, of which the last one was unpacked last, long ago."""
    places = Places(tmp_path_factory.mktemp("site"))
    for number, version in enumerate(reversed(VERSIONS)):
        unpack(places, debian, version, number)
    return read_records(places)


@pytest.fixture
def versions(records: Records) -> dict[str, Record]:
    """The records by version."""
    return dict(records[NAME])


def reasons(
    versions: dict[str, Record], serving: Serving, known: Knowledge = UNKNOWN, keep: int = 1
) -> dict[str, tuple[str, ...]]:
    """What keeps each version that stays."""
    decided = decide_retention(NAME, serving, versions, known, keep, WEEK)
    assert tuple(each.version for each in decided) == VERSIONS
    return {each.version: each.reasons for each in decided if each.reasons}


def switched(number: int, before: str, after: str, ended: float | None) -> Entry:
    """A switch of all nodes, which began a second before its end."""
    states = [SiteState({NAME: Serving(version)}) for version in (before, after)]
    return Entry(number, ("switch",), "root", ended - 1 if ended else NOW - 1, *states, ended)


def seen(node: str, version: str, when: float | None, did: str = REPORTED, name: str = NAME) -> dict[str, Sighting]:
    """The last sighting of a node."""
    return {node: Sighting(name, version, None, when, did)}


def test_releases_that_were_unpacked_last_stay(versions: dict[str, Record]) -> None:
    """As many as somebody wants; the others go when nothing else keeps them."""
    assert reasons(versions, Serving(), keep=2) == dict.fromkeys(
        ("1.4", "1.3"), ("it is one of the 2 that were unpacked last",)
    )


def test_what_menus_name_stays(versions: dict[str, Record]) -> None:
    """The version of all nodes, of canaries, on trial, and the second entries."""
    trial = Trial("1.3", ("ssi4",), 0, "boot-a", 0.0)
    found = reasons(versions, Serving("1.1", "1.0", {"ssi1": "1.2"}, trial))
    assert found == {
        "1.4": ("it is one of the 1 that were unpacked last",),
        "1.3": ("ssi4 boots it",),
        "1.2": ("ssi1 boots it",),
        "1.1": ("ssi[2-3] boot it", "ssi[1,4] fall back to it"),
        "1.0": ("ssi[2-3] fall back to it",),
    }
    all_are_canaries = Serving("1.1", "1.0", dict.fromkeys(("ssi1", "ssi2", "ssi3", "ssi4"), "1.2"))
    assert reasons(versions, all_are_canaries)["1.0"] == ("it is the version before",)


def test_a_release_stays_for_a_while_after_it_left_the_menus(versions: dict[str, Record]) -> None:
    """Nodes that have not started anew since run it."""
    entries = (switched(1, "1.0", "1.1", NOW - 2 * WEEK), switched(2, "1.1", "1.2", NOW - DAY))
    found = reasons(versions, Serving("1.3"), replace(UNKNOWN, entries=entries))
    assert found["1.1"] == (f"nodes booted it until {wall_time(NOW - DAY)}",)
    assert "1.0" not in found


def test_a_release_stays_for_a_while_after_it_was_unpacked(versions: dict[str, Record]) -> None:
    """Somebody may be about to switch to it."""
    known = replace(UNKNOWN, clock=Clock(WEEK + 1.5, "boot-a", 5.0))
    found = reasons(versions, Serving("1.4"), known)
    assert found["1.3"] == (f"it was unpacked on {wall_time(3)}",)
    assert set(found) == {"1.4", "1.3", "1.2"}


def test_a_release_that_a_node_reported_stays(versions: dict[str, Record]) -> None:
    """As long as the report is not older than the grace; a report of another recipe's release keeps nothing."""
    sightings = {
        **seen("ssi1", "1.0", NOW - WEEK + 1),
        **seen("ssi2", "1.1", NOW - WEEK - 1),
        **seen("ssi3", "1.2", NOW, name="other"),
    }
    found = reasons(versions, Serving("1.4"), replace(UNKNOWN, sightings=sightings))
    assert found["1.0"] == (f"ssi1 reported (1.0, on {wall_time(NOW - WEEK + 1)})",)
    assert set(found) == {"1.4", "1.0"}


def test_a_release_whose_root_is_mounted_stays(versions: dict[str, Record]) -> None:
    """Also when nobody knows since when."""
    sightings = {**seen("ssi1", "1.0", None, "mounted its root"), **seen("ssi2", "1.1", NOW - DAY, "loaded files")}
    found = reasons(versions, Serving("1.4"), replace(UNKNOWN, sightings=sightings))
    assert found["1.0"] == ("ssi1 mounted its root (1.0, nobody knows when)",)
    assert found["1.1"] == (f"ssi2 loaded files (1.1, on {wall_time(NOW - DAY)})",)


@pytest.mark.parametrize("seed", range(30))
def test_no_release_goes_that_a_menu_names(versions: dict[str, Record], seed: int) -> None:
    """Whatever nodes boot, and whatever the clock says."""
    draw = random.Random(seed)
    nodes = {node: draw.choice(VERSIONS) for node in ("ssi1", "ssi2", "ssi3", "ssi4") if draw.random() < 0.5}
    trial = Trial(draw.choice(VERSIONS), ("ssi2",), 0, "boot-a", 0.0) if draw.random() < 0.5 else None
    serving = Serving(draw.choice(VERSIONS), draw.choice(VERSIONS), nodes, trial)
    known = replace(UNKNOWN, clock=Clock(draw.uniform(0, 4e9), "boot-a", 5.0))
    assert set(reasons(versions, serving, known)) >= {serving.version_of(f"ssi{n}") for n in range(1, 5)}
    assert set(reasons(versions, serving, known)) >= {serving.earlier_version_of(f"ssi{n}") for n in range(1, 5)} - {""}


def test_the_journal_says_when_a_release_left_the_menus() -> None:
    """The last time; a change that was interrupted counts from its begin; a release of a menu has not left."""
    entries = [switched(1, "1.0", "1.1", 100.0), switched(2, "1.1", "1.0", 200.0), switched(3, "1.0", "1.2", None)]
    assert left_menus(entries, NAME, "1.0") == NOW - 1
    assert left_menus(entries[:2], NAME, "1.0") is None
    assert left_menus(entries, NAME, "1.1") == 200.0
    assert left_menus(entries, NAME, "1.2") is None
    assert left_menus(entries, NAME, "1.3") is None


def test_a_recipe_is_taken_away(records: Records) -> None:
    """Its nodes boot nothing any more; what they keep stays, and is named."""
    state = SiteState({NAME: Serving("1.4"), "other": Serving("2.0")})
    decision = take_away(state, records, NAME, UNKNOWN, force=False)
    assert decision.state == SiteState({"other": Serving("2.0")})
    place = records[NAME]["1.4"].settings.root.state
    assert place
    assert decision.words == (
        f"{NAME}: ssi[1-4] boot nothing any more (before: 1.4).",
        f"{NAME}: its settings go away.",
        *(f"{NAME}: release {version} and its files go." for version in VERSIONS),
        f"{NAME}: what its nodes keep stays in {place}.",
    )


def test_a_recipe_that_nodes_run_is_taken_away_by_force_alone(records: Records) -> None:
    """A report of ten minutes ago, and a mount, are signs of life; a report of yesterday is none."""
    state = SiteState({NAME: Serving("1.4")})
    sightings = {
        **seen("ssi1", "1.3", NOW - 600),
        **seen("ssi2", "1.3", NOW - DAY),
        **seen("ssi3", "1.0", NOW - DAY, "mounted its root"),
    }
    known = replace(UNKNOWN, sightings=sightings)
    with pytest.raises(RefusedError, match="nodes run debian-nfsroot, and would lose their root") as refusal:
        take_away(state, records, NAME, known, force=False)
    assert refusal.value.details.splitlines() == [
        f"  ssi1 reported (1.3, on {wall_time(NOW - 600)})",
        f"  ssi3 mounted its root (1.0, on {wall_time(NOW - DAY)})",
    ]
    assert take_away(state, records, NAME, known, force=True).state == SiteState()


def test_a_recipe_that_is_not_there_is_not_taken_away(records: Records) -> None:
    """Its name may be mistyped."""
    with pytest.raises(InputError, match="no release of debian is unpacked on this server"):
        take_away(SiteState(), records, "debian", UNKNOWN, force=False)
