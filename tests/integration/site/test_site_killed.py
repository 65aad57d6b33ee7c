"""nfsroot-site is killed at seeded moments: nodes read the old menus or the new ones, and the next call goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kill_moments import choose
from unpacked_site import booted_kernel, menus, unpack

from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.site import state as states
from builder.site.menus import compose_menus
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.state import SiteState

NAME = "debian-nfsroot"
KILLED = Path(__file__).with_name("killed_site.py")
SEED = 20261129
MOMENTS = 5
"""Moments at which each verb is killed, unless NFSROOT_KILLS says otherwise."""
VERBS = {
    "switch": ("switch", NAME, "1.2"),
    "trial": ("switch", NAME, "1.2", "--nodes", "ssi[1-2]", "--confirm", "15m"),
    "rollback": ("rollback", NAME, "--to", "1.0"),
    "prune": ("prune", NAME, "--keep", "1", "--grace", "1s"),
    "remove": ("remove", NAME),
}


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A site with three releases, of which nodes boot the second."""
    places = Places(tmp_path_factory.mktemp("site") / "root")
    recipe = load(NAME, SearchPath.default())
    for number, version in enumerate(("0.9", "1.0", "1.1", "1.2")):
        unpack(places, recipe, version, number)
    for version in ("1.0", "1.1"):
        assert site(places, 0, "switch", NAME, version).returncode == 0
    return places


def site(places: Places, place: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Call a verb, and kill it at a place; 0 does not."""
    argv = [sys.executable, KILLED, str(place), "--root", places.root, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def copy_of(begin: Places, directory: Path) -> Places:
    """The site as it was at the beginning."""
    shutil.copytree(begin.root, directory / "root", symlinks=True)
    return Places(directory / "root")


def whole_menus(places: Places, state: SiteState) -> dict[str, str]:
    """The menus that nodes have in a state."""
    return compose_menus(state, read_records(places))


def tree(places: Places) -> dict[str, bytes | str]:
    """What a person finds on the server: all but journal and backups, and menus without their generation's number."""
    return dict(_tree(places))


def _tree(places: Places) -> Iterator[tuple[str, bytes | str]]:
    for path in sorted(places.root.rglob("*")):
        if not any(
            path.is_relative_to(left_out)
            for left_out in (places.journal, places.backups, places.generations, places.state)
        ):
            content = path.read_bytes() if path.is_file() else "directory" if path.is_dir() else "gone"
            yield str(path.relative_to(places.root)), content if not path.is_symlink() else "link"
    if places.menus.exists():
        yield from menus(places).items()
        yield "generation", str(not any(places.generations.glob(".*")))


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> str:
    """A verb."""
    return str(request.param)


@pytest.fixture
def end(verb: str, begin: Places, tmp_path: Path) -> tuple[Places, int]:
    """The site after the verb that nobody killed, and how many things it did to files."""
    places = copy_of(begin, tmp_path / "end")
    done = site(places, 0, *VERBS[verb])
    assert done.returncode == 0, done.stderr
    return places, int(done.stderr.splitlines()[-1])


def test_a_killed_verb_is_finished_by_the_next_call(
    verb: str, begin: Places, end: tuple[Places, int], tmp_path: Path
) -> None:
    """At each moment nodes have the menus of before or after, and what these name; a second call ends as one would."""
    finished, places_to_kill = end
    before = whole_menus(begin, states.read(begin.state))
    after = menus(finished) if finished.menus.exists() else {}
    for moment in choose(f"{SEED} {verb}", places_to_kill, MOMENTS):
        places = copy_of(begin, tmp_path / f"killed-{moment}")
        assert site(places, moment, *VERBS[verb]).returncode == -signal.SIGKILL
        assert_whole(places, before, after)
        again = site(places, 0, *VERBS[verb])
        assert again.returncode == 0 or (verb in ("remove", "trial") and again.returncode in (2, 3)), again.stderr
        assert tree(places) == tree(finished), f"killed at {moment} of {places_to_kill}: {again.stderr}"
        shutil.rmtree(places.root)


def assert_whole(places: Places, before: dict[str, str], after: dict[str, str]) -> None:
    """Nodes have the menus of before or after, and the kernels that their first entries name."""
    found = menus(places) if places.menus.exists() else {}
    assert found in (before, after)
    for node in ("ssi1", "ssi4"):
        if node in found:
            assert any((places.served / NAME / booted_kernel(found[node])).glob("vmlinuz*"))
