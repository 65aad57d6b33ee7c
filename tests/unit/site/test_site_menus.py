"""The menus of a site: which release each node boots, and to which it falls back."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from made_releases import with_changes
from unpacked_site import booted_kernel, unpack

from builder.errors import NfsrootError
from builder.recipe.choices import Transport
from builder.recipe.models import Recipe
from builder.site.entries import first_entry
from builder.site.menus import compose_menus, label
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.selection import Records
from builder.site.state import Serving, SiteState, Trial

NODES = ("ssi1", "ssi2", "ssi3", "ssi4")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site with nothing on it."""
    return Places(tmp_path)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory, debian: Recipe) -> Records:
    """Releases 1.0 to 1.2 of one recipe."""
    places = Places(tmp_path_factory.mktemp("site"))
    for number, version in enumerate(("1.0", "1.1", "1.2")):
        unpack(places, debian, version, number)
    return read_records(places)


def of_debian(serving: Serving) -> SiteState:
    """The state of a site with one recipe."""
    return SiteState({"debian-nfsroot": serving})


def test_every_node_boots_the_version_that_was_switched_to(records: Records) -> None:
    """All nodes have their release's own menus, in both syntaxes, and one that names them by MAC address."""
    composed = compose_menus(of_debian(Serving("1.0")), records)
    assert composed == dict(records["debian-nfsroot"]["1.0"].menus)


def test_the_version_before_is_the_second_choice(records: Records) -> None:
    """Each menu has the entry of the version before after its own, and names it as the fallback."""
    composed = compose_menus(of_debian(Serving("1.1", before="1.0")), records)
    old, new = (records["debian-nfsroot"][version].menus for version in ("1.0", "1.1"))
    for node in NODES:
        assert composed[node].endswith(f"\n{first_entry(old[node])}")
        assert first_entry(composed[node]) == first_entry(new[node])
        assert "\ntimeout 1\nfallback 1\n" in composed[node]
        assert "\nset timeout=1\nset fallback=1\n" in composed[f"{node}.cfg"]
        assert composed[f"{node}.cfg"].endswith(f"\n{first_entry(old[f'{node}.cfg'])}")


def test_a_version_that_is_not_unpacked_any_more_is_no_second_choice(records: Records) -> None:
    """An entry whose kernel is gone would not boot."""
    composed = compose_menus(of_debian(Serving("1.1", before="0.9")), records)
    assert composed == dict(records["debian-nfsroot"]["1.1"].menus)


def test_a_first_choice_that_is_not_unpacked_is_an_error(records: Records) -> None:
    """Nobody loses a menu silently."""
    with pytest.raises(NfsrootError, match=r"boot debian-nfsroot 0.9, which is not unpacked"):
        compose_menus(of_debian(Serving("0.9")), records)


def test_a_node_added_by_the_version_has_no_second_choice(places: Places, debian: Recipe) -> None:
    """The version before has no menu for a node that joined later."""
    few = with_changes(debian, cluster__nodes=debian.cluster.nodes[:3])
    unpack(places, few, "1.0")
    unpack(places, debian, "1.1")
    composed = compose_menus(of_debian(Serving("1.1", "1.0")), read_records(places))
    assert "fallback" in composed["ssi3"]
    assert "fallback" not in composed["ssi4"]


def test_an_entry_for_another_network_card_is_no_second_choice(places: Places, debian: Recipe) -> None:
    """A node whose card was replaced would ask DHCP at a card that it does not have."""
    nodes = debian.cluster.nodes
    other = (nodes[0].model_copy(update={"mac": "52:54:00:99:99:99"}), *nodes[1:])
    unpack(places, debian, "1.0")
    unpack(places, with_changes(debian, cluster__nodes=other), "1.1")
    composed = compose_menus(of_debian(Serving("1.1", "1.0")), read_records(places))
    assert "fallback" not in composed["ssi1"]
    assert "fallback" in composed["ssi2"]
    assert "52:54:00:99:99:99.cfg" in composed


def test_a_canary_boots_its_own_version_and_falls_back_to_that_of_the_others(records: Records) -> None:
    """Only its menus differ."""
    composed = compose_menus(of_debian(Serving("1.1", "1.0", {"ssi2": "1.2"})), records)
    others = compose_menus(of_debian(Serving("1.1", "1.0")), records)
    assert {name for name in composed if composed[name] != others[name]} == {
        "ssi2",
        "ssi2.cfg",
        "52:54:00:00:01:02.cfg",
    }
    assert booted_kernel(composed["ssi2"]) == "1.2"
    assert "/1.1/" in composed["ssi2"].partition("\ntitle ")[2].partition("\ntitle ")[2]


def test_a_node_on_trial_starts_anew_when_it_does_not_boot(records: Records) -> None:
    """Its first entry has a short panic= and a limit; the second one, of the version before, has neither."""
    trial = Trial("1.2", ("ssi1", "ssi3"), 0, "boot", 0.0, seconds=300)
    composed = compose_menus(of_debian(Serving("1.1", "1.0", trial=trial)), records)
    for name in ("ssi1", "ssi3", "ssi1.cfg", "ssi3.cfg"):
        first = first_entry(composed[name])
        second = composed[name][composed[name].index(first) + len(first) :]
        assert first.count(" panic=60 nfsbooted.trial=300\n") == 1
        assert "nfsbooted.trial" not in second
        assert "/1.1/" in second
    for name in ("ssi2", "ssi4.cfg"):
        assert "nfsbooted.trial" not in composed[name]


def test_a_long_trial_does_not_wait_longer_for_a_boot(records: Records) -> None:
    """A node that hangs starts anew after ten minutes, although the trial lasts a day."""
    trial = Trial("1.2", NODES, 0, "boot", 0.0, seconds=86400)
    composed = compose_menus(of_debian(Serving("1.1", trial=trial)), records)
    assert " panic=60 nfsbooted.trial=600\n" in composed["ssi4.cfg"]


def test_a_recipe_that_nobody_switched_has_no_menus(records: Records) -> None:
    """Unpacked releases alone change nothing."""
    assert compose_menus(SiteState(), records) == {}
    assert compose_menus(of_debian(Serving()), records) == {}


def second_cluster(recipe: Recipe) -> Recipe:
    """The recipe for other nodes."""
    nodes = tuple(
        node.model_copy(update={"name": f"krg{n}", "mac": f"52:54:00:01:00:0{n}"})
        for n, node in enumerate(recipe.cluster.nodes, 1)
    )
    return with_changes(recipe, cluster__nodes=nodes)


def test_recipes_that_begin_alike_share_grub_cfg(places: Places, debian: Recipe, kerrighed: Recipe) -> None:
    """Two recipes of the same consoles and transport need no file that tells them apart."""
    unpack(places, debian, "1.0")
    unpack(places, second_cluster(kerrighed), "2.0")
    state = SiteState({"debian-nfsroot": Serving("1.0", switched=1), "kerrighed": Serving("2.0", switched=2)})
    composed = compose_menus(state, read_records(places))
    assert "@" not in "".join(composed)
    assert "release kerrighed 2.0" in composed["grub.cfg"]
    assert {*NODES, "krg1", "krg4"} <= composed.keys()


def test_an_unknown_machine_boots_no_release_of_several_recipes(
    places: Places, debian: Recipe, kerrighed: Recipe
) -> None:
    """Of which cluster it would be, nobody knows; with one recipe, its own default menu stays."""
    unpack(places, debian, "1.0")
    unpack(places, second_cluster(kerrighed), "2.0")
    both = SiteState({"debian-nfsroot": Serving("1.0"), "kerrighed": Serving("2.0")})
    records = read_records(places)
    for name in ("default", "default.cfg"):
        assert "initrd" not in compose_menus(both, records)[name]
        assert "initrd" in compose_menus(both.without_recipe("kerrighed"), records)[name]


def test_recipes_that_begin_otherwise_have_a_grub_cfg_each(
    places: Places, debian: Recipe, kerrighed: Recipe, tmp_path: Path
) -> None:
    """The site's grub.cfg leads each MAC address to that of its release; GRUB's own checker reads every menu."""
    unpack(places, with_changes(debian, boot__transport=Transport.HTTP, boot__serial="ttyS0,115200"), "1.0")
    unpack(places, second_cluster(kerrighed), "2.0")
    records = read_records(places)
    state = SiteState({"debian-nfsroot": Serving("1.0"), "kerrighed": Serving("2.0")})
    composed = compose_menus(state, records)
    assert composed["debian-nfsroot@1.0.cfg"] == records["debian-nfsroot"]["1.0"].menus["grub.cfg"]
    assert composed["kerrighed@2.0.cfg"] == records["kerrighed"]["2.0"].menus["grub.cfg"]
    assert composed["52:54:00:01:00:01.cfg"].splitlines()[-2:] == ["set host=krg1", "set release=kerrighed@2.0"]
    for name, text in composed.items():
        if name.endswith(".cfg"):
            (tmp_path / "menu.cfg").write_text(text)
            subprocess.run(["grub-script-check", tmp_path / "menu.cfg"], check=True)


def test_a_canary_that_begins_otherwise_has_a_grub_cfg_of_its_own(places: Places, debian: Recipe) -> None:
    """A version with a serial console on trial: its nodes alone read its grub.cfg."""
    unpack(places, debian, "1.0")
    unpack(places, with_changes(debian, boot__transport=Transport.HTTP), "1.1")
    serving = Serving("1.0", nodes={"ssi1": "1.1"})
    composed = compose_menus(of_debian(serving), read_records(places))
    mac = {node.name: node.mac for node in debian.cluster.nodes}
    assert composed[f"{mac['ssi1']}.cfg"].endswith("set release=debian-nfsroot@1.1\n")
    assert composed[f"{mac['ssi2']}.cfg"].endswith("set release=debian-nfsroot@1.0\n")


def test_a_generation_is_called_after_the_release_that_was_switched_to_last() -> None:
    """Its directory's name says what changed."""
    state = SiteState({"a": Serving("1.0", switched=5), "b": Serving("2.0", switched=4)})
    assert label(state) == "a-1.0"
    assert label(state.with_recipe("b", replace(state.of("b"), switched=6))) == "b-2.0"
    assert label(SiteState()) == "nothing"
