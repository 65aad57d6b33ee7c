"""What tests of several folders share: a workshop with the embedded engine, and releases built in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache as remember
from pathlib import Path

import pytest

from builder.build import build
from builder.cache import Cache
from builder.cli.options import cache_at
from builder.container.sandbox import Sandbox
from builder.events import Event
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.workshop import Workshop

PROJECT = Path(__file__).parent.parent

BuildRelease = Callable[[str], Path]


@pytest.fixture(scope="session")
def cache() -> Cache:
    """The cache that `nfsroot` itself would use: $NFSROOT_CACHE_DIR or the user's own."""
    directory = os.environ.get("NFSROOT_CACHE_DIR")
    return cache_at(Path(directory) if directory else None)


@pytest.fixture(scope="session")
def build_release(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> BuildRelease:
    """Builds the release of a recipe (its name, or the path of its file) once, and gives its directory."""
    if os.geteuid() != 0:
        pytest.fail("tests that build need root: run `make test`, or `make test-quick` for those that do not")
    output = tmp_path_factory.mktemp("output")

    @remember
    def release(recipe: str) -> Path:
        workshop = Workshop(cache, Sandbox(), output, _unseen)
        loaded = load(recipe, SearchPath.default(PROJECT))
        return build(loaded, workshop, version=None, source_date=None, refresh=False).directory

    return release


def _unseen(_event: Event) -> None:
    """Drop an event: nobody watches these builds."""
