"""Two builds at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from command import Project

pytestmark = pytest.mark.container


def test_two_builds_of_one_recipe_make_one_release(project: Callable[..., Project]) -> None:
    """The second build waits for the first and finds its release; both end well."""
    made = project()
    done = [build.end() for build in (made.building(), made.building())]
    assert [each.status for each in done] == [0, 0], [each.errors for each in done]
    assert sorted(each.events[-1]["found"] for each in done) == [False, True]
    assert made.release.is_dir()
    assert sorted(each.started.count("tree") for each in done) == [0, 1]
