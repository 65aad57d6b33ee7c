from __future__ import annotations

import pytest

from builder.errors import NfsrootError
from builder.lab.checks.model import Finding
from builder.lab.events import LabEvent
from builder.lab.machine.agent import Answer
from builder.lab.story.commands import Commands, Place, find_programs
from builder.lab.story.report import SceneReport
from builder.lab.story.scene import Claim, Findings, Scene, describe_scenes, list_needed_releases
from builder.lab.story.scene_run import play_scene
from builder.lab.story.stories import STORIES
from builder.lab.story.story import Story
from builder.lab.story.story_releases import EXTRA_RELEASES

CLAIMS = (Claim("fits", "the shoe fits"), Claim("keeps", "it is kept"))


def scene(*found: tuple[str, Finding], error: NfsrootError | None = None) -> Scene[None]:
    """A scene that finds this, and may fail then."""

    def play(_: None) -> Findings:
        yield from found
        if error:
            raise error

    return Scene("shoe", "A shoe is tried.", ("try it",), CLAIMS, play)


def played(made: Scene[None], events: list[LabEvent] | None = None) -> SceneReport:
    """What came of a scene."""
    emit = (events if events is not None else []).append
    place = Place(lambda _: Answer(0, ""), find_programs())
    commands = Commands(place, place, emit)
    return play_scene(made, None, commands, emit, 0.0)


def test_passes() -> None:
    """A scene passes when something was found of each of its claims, and nothing is wrong."""
    report = played(scene(("fits", Finding("size 7")), ("keeps", Finding("yes")), ("fits", Finding("size 8"))))
    assert report.passed
    assert [claim.reason for claim in report.claims] == ["size 7", "yes", "size 8"]


def test_claim_that_fails() -> None:
    """One claim that does not hold fails the scene."""
    report = played(scene(("fits", Finding("size 7", ("too small",))), ("keeps", Finding("yes"))))
    assert not report.passed
    assert [(claim.name, claim.passed) for claim in report.claims] == [("fits", False), ("keeps", True)]


def test_claim_that_nobody_looked_at() -> None:
    """A claim of which nothing was found does not hold."""
    report = played(scene(("fits", Finding("size 7"))))
    assert not report.passed
    assert [claim.reason for claim in report.claims if not claim.passed] == [
        "the claim was not checked: the scene left it out"
    ]


def test_scene_that_ends_early() -> None:
    """An error is the scene's problem, fails it, and stands with the claims that were left."""
    report = played(scene(("fits", Finding("size 7")), error=NfsrootError("no light")))
    assert not report.passed
    assert report.problem == "no light"
    assert [claim.reason for claim in report.claims] == ["size 7", "the claim was not checked: no light"]


def test_scene_that_ends_after_its_claims() -> None:
    """An error fails a scene of which every claim holds."""
    assert not played(scene(("fits", Finding("")), ("keeps", Finding("")), error=NfsrootError("no light"))).passed


def test_scene_knows_its_claims() -> None:
    """A scene that finds something of a claim that it does not have is a mistake of ours."""
    with pytest.raises(KeyError):
        played(scene(("shines", Finding(""))))


@pytest.mark.parametrize("story", STORIES)
def test_stories(story: str) -> None:
    """The names of a story's scenes differ, and so do the claims of each scene, which does something."""
    scenes: tuple[Scene[Story], ...] = STORIES[story]
    assert len({each.name for each in scenes}) == len(scenes)
    for each in scenes:
        assert each.does
        assert len({claim.name for claim in each.claims}) == len(each.claims) > 0


def test_releases() -> None:
    """The story brings every release that it describes, and A before all."""
    assert list_needed_releases(STORIES["update"]) == {"A", *(part.letter for part in EXTRA_RELEASES)}
    assert STORIES["update"][0].releases == ("A",)


def test_screenplay() -> None:
    """In words, a scene has what is done and what must hold."""
    assert describe_scenes((scene(), scene())) == (
        "1. shoe: A shoe is tried.\n     try it\n   - fits: the shoe fits\n   - keeps: it is kept\n\n"
        "2. shoe: A shoe is tried.\n     try it\n   - fits: the shoe fits\n   - keeps: it is kept"
    )
