"""Two builds at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import Project, Running

pytestmark = pytest.mark.container


def test_two_builds_of_one_recipe_make_one_release(project: Callable[..., Project]) -> None:
    """The second build waits for the first and finds its release; both end well."""
    made = project()
    builds = [made.building(), made.building()]
    with ThreadPoolExecutor(2) as readers:  # whichever builds first stops when nobody reads what it tells
        done = list(readers.map(Running.end, builds))
    assert [each.status for each in done] == [0, 0], [each.errors for each in done]
    assert sorted(each.events[-1]["found"] for each in done) == [False, True]
    assert made.release.is_dir()
    assert sorted(each.started.count("tree") for each in done) == [0, 1]
