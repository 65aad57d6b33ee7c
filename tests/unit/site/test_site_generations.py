"""Generations of menus on the disk: nodes read the old ones or the new ones, and nobody's files are lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from unpacked_site import menus

from builder.errors import NfsrootError
from builder.site import generations
from builder.site import state as states
from builder.site.generations import Generation, install_generation
from builder.site.places import Places
from builder.site.state import Serving, SiteState

OURS = "# Made by nfsroot 1.0\n"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site with an empty directory for TFTP."""
    places = Places(tmp_path)
    places.served.mkdir(parents=True)
    return places


def names(directory: Path) -> list[str]:
    """What is in a directory."""
    return sorted(path.name for path in directory.iterdir())


def test_nodes_get_the_menus_through_a_relative_link(places: Places) -> None:
    """A TFTP server that changes its root directory can follow it."""
    assert install_generation(places, {"a": OURS}, "x-1.0") == Generation("1-x-1.0", "")
    assert str(places.menus.readlink()) == ".grub/1-x-1.0"
    assert menus(places) == {"a": OURS}
    assert install_generation(places, {"b": OURS}, "x-1.1") == Generation("2-x-1.1", "1-x-1.0")
    assert menus(places) == {"b": OURS}


def test_the_same_menus_are_not_written_again(places: Places) -> None:
    """A second call leaves everything alone."""
    install_generation(places, {"a": OURS}, "x-1.0")
    assert install_generation(places, {"a": OURS}, "y-2.0") is None
    assert generations.generations(places) == ["1-x-1.0"]


def test_a_generation_that_a_killed_run_wrote_is_taken(places: Places) -> None:
    """It is the newest, and nothing but the link is missing."""
    install_generation(places, {"a": OURS}, "x-1.0")
    install_generation(places, {"a": OURS + "2"}, "x-1.1")
    places.menus.unlink()
    places.menus.symlink_to(".grub/1-x-1.0")
    (places.generations / ".nfsroot.abc/new").mkdir(parents=True)
    assert install_generation(places, {"a": OURS + "2"}, "x-1.1") == Generation("2-x-1.1", "1-x-1.0")
    assert names(places.generations) == ["1-x-1.0", "2-x-1.1"]


def test_the_last_five_stay_and_the_one_before(places: Places) -> None:
    """Also when it is older than they are."""
    for number in range(1, 8):
        install_generation(places, {"a": f"{OURS}{number}"}, "x")
    assert generations.generations(places) == [f"{number}-x" for number in range(3, 8)]
    places.menus.unlink()
    places.menus.symlink_to(".grub/3-x")
    install_generation(places, {"a": OURS}, "x")
    assert generations.generations(places) == [f"{number}-x" for number in (3, 4, 5, 6, 7, 8)]


def test_files_of_others_are_carried_over(places: Places) -> None:
    """Below directories as well, and links as links; what nfsroot made earlier goes."""
    install_generation(places, {"a": OURS}, "x")
    (places.menus / "fonts").mkdir()
    (places.menus / "fonts/own.pf2").write_bytes(b"\xff\x00font")
    (places.menus / "link").symlink_to("nowhere")
    (places.menus / "own.cfg").write_text("# somebody's own\n")
    install_generation(places, {"b": OURS}, "x")
    assert (places.menus / "fonts/own.pf2").read_bytes() == b"\xff\x00font"
    assert str((places.menus / "link").readlink()) == "nowhere"
    assert menus(places) == {"b": OURS, "own.cfg": "# somebody's own\n"}
    assert install_generation(places, {"b": OURS}, "x") is None


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_directory_of_menus_is_taken_over(
    places: Places, can_exchange: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes the generation before, on file systems that can exchange two names and on others."""
    if not can_exchange:
        monkeypatch.setattr(generations, "_exchange", lambda _one, _other: False)
    places.menus.mkdir()
    (places.menus / "a").write_text(f"{OURS}old")
    (places.menus / "own").write_text("own")
    assert install_generation(places, {"a": OURS}, "x") == Generation("1-x", "2-before")
    assert menus(places) == {"a": OURS, "own": "own"}
    assert (places.generations / "2-before/a").read_text() == f"{OURS}old"
    assert names(places.generations) == ["1-x", "2-before"]


def test_a_directory_that_a_killed_run_moved_away_is_not_forgotten(places: Places) -> None:
    """Its files of others are carried over although nodes have no menus at that moment."""
    (places.generations / "1-before").mkdir(parents=True)
    (places.generations / "1-before/own").write_text("own")
    assert install_generation(places, {"a": OURS}, "x") == Generation("2-x", "")
    assert menus(places) == {"a": OURS, "own": "own"}


def test_without_a_switch_nobodys_menus_are_touched(places: Places) -> None:
    """Those that an install.sh put there stay when a release is only unpacked."""
    install_generation(places, {"a": OURS}, "x")
    assert install_generation(places, {}, "nothing") is None
    assert menus(places) == {"a": OURS}


def test_without_a_recipe_the_menus_go_away(places: Places) -> None:
    """After the last recipe is removed there is neither link nor generation."""
    states.write(places.state, SiteState({"x": Serving("1.0")}))
    install_generation(places, {"a": OURS}, "x")
    assert install_generation(places, {}, "nothing") is None
    assert names(places.served) == []


def test_menus_that_cannot_be_written_end_in_a_sentence(places: Places) -> None:
    """It says where, and that nodes have what they had."""
    shutil.rmtree(places.served)
    places.served.write_text("no directory")
    with pytest.raises(NfsrootError, match=r"the menus cannot be written below .*/srv/tftp/.grub: Not a directory"):
        install_generation(places, {"a": OURS}, "x")
