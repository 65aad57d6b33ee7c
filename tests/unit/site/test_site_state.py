"""The state of a site and its journal: what is written comes back, and an interrupted change is finished."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from builder.errors import NfsrootError
from builder.site import journal
from builder.site import state as states
from builder.site.places import Places
from builder.site.state import Serving, SiteState, Trial


def drawn_state(seed: int) -> SiteState:
    """A state with recipes, canaries and trials drawn by a seed."""
    draw = random.Random(seed)
    recipes = {}
    for number in range(draw.randrange(4)):
        nodes = {f"n{index}": f"{draw.randrange(9)}.0" for index in range(draw.randrange(5))}
        trial = Trial(
            "9.0",
            tuple(nodes),
            draw.randrange(1 << 31),
            "boot",
            draw.random() * 1e6,
            tuple(nodes)[:1],
            draw.randrange(1 << 20),
            ("earlier",) * draw.randrange(3),
            draw.random() < 0.5,
        )
        recipes[f"recipe{number}"] = Serving("1.0", "0.9", nodes, trial if draw.random() < 0.5 else None, 17, "0.8")
    return SiteState(recipes)


@pytest.mark.parametrize("seed", range(12))
def test_a_state_comes_back_as_it_was_written(tmp_path: Path, seed: int) -> None:
    """Recipes, canaries and trials survive the file."""
    state = drawn_state(seed)
    states.write(tmp_path / "state.json", state)
    assert states.read(tmp_path / "state.json") == state


def test_without_a_file_nothing_is_switched(tmp_path: Path) -> None:
    """A new site has an empty state."""
    assert states.read(tmp_path / "state.json") == SiteState()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": 2, "recipes": {}}'])
def test_a_damaged_state_is_said(tmp_path: Path, text: str) -> None:
    """A file that is no state, or a newer one, ends in a sentence."""
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(NfsrootError, match="state"):
        states.read(tmp_path / "state.json")


def test_a_change_is_written_down_before_and_after(tmp_path: Path) -> None:
    """While a change is made its entry has no end; afterwards it has one, and the state is the new one."""
    places, seen = Places(tmp_path), []
    after = drawn_state(1)

    def apply(state: SiteState) -> None:
        seen.append((state, [entry.ended for entry in journal.read_entries(places)]))

    entry = journal.change(places, ("switch", "recipe0", "1.0"), after, apply)
    assert seen == [(after, [None])]
    assert states.read(places.state) == after
    assert journal.read_entries(places) == [entry]
    assert entry.ended is not None


def test_an_interrupted_change_is_finished_by_the_next_verb(tmp_path: Path) -> None:
    """What raised in the middle of a change is made once more, and only once."""
    places, after = Places(tmp_path), drawn_state(2)

    def fail(_state: SiteState) -> None:
        raise NfsrootError("the disk is full")

    with pytest.raises(NfsrootError, match="full"):
        journal.change(places, ("switch",), after, fail)
    assert states.read(places.state) == SiteState()
    made: list[SiteState] = []
    assert journal.recover(places, made.append) is not None
    assert made == [after]
    assert states.read(places.state) == after
    assert journal.recover(places, made.append) is None
    assert made == [after]


def test_one_verb_at_a_time_has_the_lock(tmp_path: Path) -> None:
    """A verb that does not wait says that another is at work."""
    places = Places(tmp_path)
    with (
        journal.locked(places),
        pytest.raises(NfsrootError, match="another nfsroot-site"),
        journal.locked(places, wait=False),
    ):
        pass
    with journal.locked(places, wait=False):
        pass
