"""A recipe that names the mirror which is the default anyway gets the packages that it gets without."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.cache import Cache
from builder.container import image as builder_image
from builder.container.sandbox import Sandbox
from builder.debian import archive as archives
from builder.debian import sources
from builder.recipe.models import Debian

pytestmark = [pytest.mark.container, pytest.mark.full]


@pytest.mark.parametrize("suite", ["trixie", "bookworm"])
def test_default_mirrors_by_name(suite: str, cache: Cache, tmp_path: Path) -> None:
    """Lists of all suites, and the tree's own sources, are the same when both default mirrors are named."""
    image, own = builder_image.ensure(cache, lambda _line: None), Cache(tmp_path / "cache")
    default = archives.Snapshots(own, Debian(suite=suite)).look(Sandbox(), image, lambda _line: None)
    written = sources.SOURCE.findall(sources.read(default.skeleton))
    urls = {name.endswith(sources.SECURITY): url for _begin, url, name, _components in written}
    named = Debian(suite=suite, mirror=urls[False], security_mirror=urls[True])
    found = archives.Snapshots(own, named).look(Sandbox(), image, lambda _line: None)

    assert found.digest != default.digest, "it was asked by another name"
    assert sources.SOURCE.findall(sources.read(found.skeleton)) == written
    assert len(found.order) == 3
    assert found.order == default.order
    for name in found.order:
        assert (found.lists / name).read_bytes() == (default.lists / name).read_bytes()
