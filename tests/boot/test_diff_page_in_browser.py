"""The page of `nfsroot diff` in a real browser: on a desk and on a telephone, by day and by night."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from browser import take_picture
from made_releases import Made, package, read, with_changes
from picture import read_rows

from builder.difference.compare import compare
from builder.difference.page import render
from builder.recipe.load import load
from builder.recipe.search import SearchPath

pytestmark = pytest.mark.boot

PROJECT = Path(__file__).parents[2]
LONG = "linux-image-6.12.118+deb13-amd64-" + "x" * 200
"""A name without a place to break it."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with something in each section, and words that are wider than a telephone."""
    directory = tmp_path_factory.mktemp("page")
    debian = load("debian-nfsroot", SearchPath.default(PROJECT))
    before = Made(debian, "1.0", packages=[package("a", "1-1")], tree=[("usr/a", 0o644, b"1", "b")])
    after = Made(
        with_changes(debian, cluster__nodes=debian.cluster.nodes[:3], kernel__arguments=(f"x={'y' * 300}",)),
        "2.0",
        packages=[package("a", "1-1+deb13u1", "1-1+deb13u1"), package(LONG, "1")],
        tree=[("usr/a", 0o4755, b"1", "b"), (f"usr/{LONG}", 0o644, b"", LONG)],
    )
    found = directory / "diff.html"
    found.write_text(render(compare(read(before.write(directory)), read(after.write(directory)))))
    return found


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 390])
def test_page(page: Path, width: int, dark: bool) -> None:
    """Nothing reaches the right edge, text stands out from its ground, which is dark when the reader wants that."""
    seen: Counter[str] = Counter()
    edge: set[str] = set()
    for row in read_rows(take_picture(page, width, 900, dark=dark)):
        seen.update(row)
        edge.update(row[-8:])
    (ground,) = edge
    assert ground == seen.most_common(1)[0][0]
    assert (int(ground[1:3], 16) < 64) is dark
    contrast = [colour for colour in seen if abs(int(colour[1:3], 16) - int(ground[1:3], 16)) > 160]
    assert sum(seen[colour] for colour in contrast) > 1000
