"""The verbs of `nfsroot-site` that change what nodes boot, as somebody types them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from unpacked_site import booted_kernel, menus, report, unpack

from builder.cli.site import command
from builder.errors import InputError, NfsrootError
from builder.recipe.models import Recipe
from builder.site import state as states
from builder.site.errors import RefusedError
from builder.site.journal import read_entries
from builder.site.places import Places

NAME = "debian-nfsroot"


@pytest.fixture
def places(tmp_path: Path, debian: Recipe) -> Places:
    """A site with two releases of which nobody switched to one."""
    places = Places(tmp_path)
    unpack(places, debian, "1.0", 1)
    unpack(places, debian, "1.1", 2)
    return places


def site(places: Places, *arguments: str) -> Result:
    """Run a verb."""
    return CliRunner().invoke(command, ["--root", str(places.root), *arguments])


def booted(places: Places) -> dict[str, str]:
    """The version that each node boots."""
    found = menus(places)
    return {node: booted_kernel(found[node]) for node in ("ssi1", "ssi2", "ssi3", "ssi4")}


def of_all(version: str) -> dict[str, str]:
    """All nodes boot a version."""
    return dict.fromkeys(("ssi1", "ssi2", "ssi3", "ssi4"), version)


def test_switch_and_roll_back(places: Places) -> None:
    """Menus follow, and the journal has each change."""
    assert site(places, "switch", NAME, "1.0").exit_code == 0
    done = site(places, "switch", NAME, "1.1")
    assert done.output == f"{NAME}: ssi[1-4] boot 1.1 from the next boot on (before: 1.0).\n"
    assert booted(places) == of_all("1.1")
    done = site(places, "rollback", NAME)
    assert done.output == f"{NAME}: ssi[1-4] boot 1.0 from the next boot on (before: 1.1).\n"
    assert booted(places) == of_all("1.0")
    assert [entry.command for entry in read_entries(places)] == [
        ("switch", NAME, "1.0"),
        ("switch", NAME, "1.1"),
        ("rollback", NAME),
    ]


def test_a_dry_run_changes_nothing(places: Places) -> None:
    """It says which nodes would boot another version."""
    site(places, "switch", NAME, "1.0")
    before = {path: path.read_bytes() for path in places.root.rglob("*") if path.is_file()}
    for arguments in (("switch", NAME, "1.1"), ("rollback", NAME, "--to", "1.1")):
        done = site(places, *arguments, "--dry-run")
        assert done.output == f"Would change: {NAME}: ssi[1-4] boot 1.1 from the next boot on (before: 1.0).\n"
    assert {path: path.read_bytes() for path in places.root.rglob("*") if path.is_file()} == before


def test_a_canary_that_reports_is_confirmed(places: Places) -> None:
    """confirm --due is quiet until there is something to say."""
    site(places, "switch", NAME, "1.0")
    assert site(places, "confirm", "--due").output == ""
    done = site(places, "switch", NAME, "1.1", "--nodes", "ssi[1-2]", "--confirm", "15m")
    assert done.output.startswith(f"{NAME}: ssi[1-2] boot 1.1 on trial from the next boot on (before: 1.0).\n")
    assert booted(places) == {**of_all("1.0"), "ssi1": "1.1", "ssi2": "1.1"}
    assert site(places, "confirm", "--due").output == ""
    for number, node in enumerate(("ssi1", "ssi2")):
        report(places, node, NAME, "1.1", number)
    done = site(places, "confirm", "--due")
    assert (done.exit_code, done.output) == (
        0,
        f"{NAME}: ssi[1-2] reported and runs 1.1: confirmed.\n{NAME}: the trial of 1.1 is over: it stays.\n",
    )
    assert "nfsbooted.trial" not in menus(places)["ssi1"]
    assert site(places, "rollback", NAME).exit_code == 0
    assert booted(places) == of_all("1.0")


def test_a_trial_that_is_over_ends_with_exit_status_1(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nodes that did not report boot the version before, and the timer's unit fails, so that somebody sees it."""
    site(places, "switch", NAME, "1.0")
    site(places, "switch", NAME, "1.1", "--nodes", "ssi1", "--confirm", "1s")
    trial = states.read(places.state).of(NAME).trial
    assert trial
    monkeypatch.setattr("time.clock_gettime", lambda _clock: trial.uptime + 0.1)
    done = site(places, "confirm", "--due")
    assert done.exit_code == 1
    assert done.stderr == f"{NAME}: ssi1 did not report 1.1 in 1 s: ssi1 boots 1.0 again.\n"
    assert booted(places) == of_all("1.0")


def test_undo_takes_a_switch_back(places: Places) -> None:
    """The menus are those of before."""
    site(places, "switch", NAME, "1.0")
    site(places, "switch", NAME, "1.1")
    assert site(places, "undo", "--dry-run").output.startswith("Would change: Takes back change 2 of ")
    assert site(places, "undo").exit_code == 0
    assert booted(places) == of_all("1.0")
    assert "fallback" not in menus(places)["ssi1"]


def test_what_somebody_mistypes_is_said(places: Places) -> None:
    """Durations, sets of nodes, versions and recipes."""
    site(places, "switch", NAME, "1.0")
    done = site(places, "switch", NAME, "1.1", "--confirm", "soon")
    assert (done.exit_code, "'soon' is no duration, such as 90s, 15m" in done.output) == (2, True)
    for arguments, words in (
        (("switch", NAME, "1.1", "--nodes", "ssi[1-"), "this is no set of nodes"),
        (("switch", NAME, "1.1", "--nodes", "@all"), "the cluster has no node @all"),
        (("switch", NAME, "1.2"), "1.2 is not unpacked"),
        (("confirm",), "confirm needs the name of a recipe, or --due"),
        (("confirm", NAME), "is on trial"),
    ):
        error = site(places, *arguments).exception
        assert isinstance(error, InputError)
        assert words in str(error)


def test_an_interrupted_change_is_finished_first(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next verb decides by what nodes boot then."""
    site(places, "switch", NAME, "1.0")
    with monkeypatch.context() as patch:
        patch.setattr("builder.site.apply.install_generation", fail)
        assert site(places, "switch", NAME, "1.1").exit_code == 1
    assert states.read(places.state).of(NAME).version == "1.0"
    done = site(places, "rollback", NAME)
    assert done.stderr == "Change 2 was interrupted, and is finished now.\n"
    assert done.stdout == f"{NAME}: ssi[1-4] boot 1.0 from the next boot on (before: 1.1).\n"
    assert booted(places) == of_all("1.0")


def test_a_change_that_cannot_be_finished_does_not_stand_in_the_way(
    places: Places, debian: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version can be switched to although the change before failed, and fails again."""
    site(places, "switch", NAME, "1.0")
    with monkeypatch.context() as patch:
        patch.setattr("builder.site.apply.install_generation", fail)
        assert site(places, "switch", NAME, "1.1").exit_code == 1
    shutil.rmtree(places.releases / NAME / "1.1")
    unpack(places, debian, "1.2", 3)
    done = site(places, "switch", NAME, "1.2")
    assert done.stderr.startswith(
        "The change before was interrupted and cannot be finished: nodes boot debian-nfsroot 1.1"
    )
    assert booted(places) == of_all("1.2")


def below(places: Places, directory: str) -> set[str]:
    """The names in a directory of the server."""
    return {path.name for path in places.on_server(directory).iterdir()}


def test_releases_that_nothing_needs_are_removed(places: Places, debian: Recipe) -> None:
    """Tree, served files, exports and record go; what stays has a reason."""
    unpack(places, debian, "0.9", 0)
    site(places, "switch", NAME, "1.1")
    exports = {f"{NAME}-{version}.exports" for version in ("0.9", "1.0", "1.1")}
    assert below(places, "etc/exports.d") >= exports
    expected = [
        f"{NAME} 1.1 stays: ssi[1-4] boot it; it is one of the 1 that were unpacked last.",
        f"{NAME} 1.0 would go.",
        f"{NAME} 0.9 would go.",
    ]
    assert site(places, "prune", NAME, "--keep", "1", "--dry-run").output.splitlines() == expected
    assert below(places, f"/NFSROOT/{NAME}") >= {"0.9", "1.0", "1.1"}
    done = site(places, "prune", NAME, "--keep", "1")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-2:] == [f"{NAME} 1.0 is removed.", f"{NAME} 0.9 is removed."]
    for directory in (f"srv/tftp/{NAME}", f"var/lib/nfsroot-site/releases/{NAME}"):
        assert below(places, directory) == {"1.1"}
    assert below(places, f"/NFSROOT/{NAME}") & {"0.9", "1.0", "1.1", ".0.9.pruned"} == {"1.1"}
    assert below(places, "etc/exports.d") & exports == {f"{NAME}-1.1.exports"}
    assert booted(places) == of_all("1.1")
    assert read_entries(places)[-1].command == ("prune", NAME, "--keep", "1", "--grace", "604800s")


def test_a_release_that_a_node_has_mounted_is_not_removed(places: Places) -> None:
    """mountd's list names the node's address and the directory."""
    site(places, "switch", NAME, "1.1")
    rmtab = places.root / "var/lib/nfs/rmtab"
    rmtab.parent.mkdir(parents=True)
    rmtab.write_text(f"192.168.0.103:/NFSROOT/{NAME}/1.0:0x00000001\n")
    done = site(places, "prune", NAME, "--keep", "1")
    assert f"{NAME} 1.0 stays: ssi3 mounted its root (1.0, nobody knows when)." in done.stdout.splitlines()


def test_a_recipe_is_removed(places: Places) -> None:
    """The server is as it was; a node that runs it is a reason not to."""
    (places.root / "etc").mkdir()
    (places.root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    site(places, "switch", NAME, "1.0")
    report(places, "ssi1", NAME, "1.0", 1)
    error = site(places, "remove", NAME).exception
    assert isinstance(error, RefusedError)
    assert "ssi1 reported (1.0, on " in error.details
    assert site(places, "remove", NAME, "--force", "--dry-run").exit_code == 0
    assert booted(places) == of_all("1.0")
    done = site(places, "remove", NAME, "--force")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == f"{NAME} is removed."
    assert states.read(places.state).recipes == {}
    left = {path for path in places.root.rglob("*") if path.is_file()}
    kept = {path for path in left if places.data in path.parents or places.backups in path.parents}
    assert left - kept == {places.reports_over_nfs / "ssi1", places.root / "etc/hosts"}
    assert (places.root / "etc/hosts").read_text() == "127.0.0.1 localhost\n"
    assert not places.menus.exists()


def test_copies_of_settings_that_a_killed_run_took_away_go(places: Places) -> None:
    """Killed between a file and its copy, the next call removes the copy; what came back is no conflict."""
    site(places, "switch", NAME, "1.0")
    gone, back = "etc/exports.d/gone.exports", "etc/exports.d/back.exports"
    for path in (gone, back):
        (places.installed / path).write_text("ours\n")
    (places.replaced / back).parent.mkdir(parents=True, exist_ok=True)
    for file in (places.replaced / back, places.root / back):
        file.write_text("theirs\n")
    assert site(places, "switch", NAME, "1.1").exit_code == 0
    assert not (places.installed / gone).exists()
    assert not (places.installed / back).exists()
    assert (places.root / back).read_text() == "theirs\n"


def fail(*_arguments: object) -> None:
    """Fail as on a full disk."""
    raise NfsrootError("the disk is full")
