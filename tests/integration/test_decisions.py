"""apt's decisions: on the few packages that it may choose from, as on all of the archive."""

from __future__ import annotations

import pytest
from command import Project
from decisions import decide, draw

from builder.cache import Cache
from builder.debian import archive as archives
from builder.recipe.models import Debian
from builder.release.manifest import Manifest

pytestmark = pytest.mark.container


@pytest.mark.parametrize("number", [8, pytest.param(20, marks=pytest.mark.full)])
def test_short_lists_change_no_decision(tiny: Project, cache: Cache, number: int) -> None:
    """For packages drawn by a seed, and those that once differed, apt takes the same packages in the same order."""
    archive = archives.Snapshots(cache, Debian()).find()
    assert archive, "the release `tiny` was made of it"
    requests = draw(archive, number, seed=20261128)
    base = cache.object("base", Manifest.read(tiny.release).steps["base"])
    halves = ((requests[::2], None), (requests[1::2], base if base.exists() else None))
    answers = [answer for half, place in halves for answer in decide(cache, archive, half, place)]
    assert len(answers) == number
    assert [answer for answer in answers if answer.short != answer.whole] == []
    assert sum(answer.whole != ["impossible"] for answer in answers) > number // 2
