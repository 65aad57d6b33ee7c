"""Fixtures that tests of several folders share: the cache, and releases built by the embedded engine."""

from __future__ import annotations

import os
import sys
import time
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
from builder.workspace import Workspace

PROJECT = Path(__file__).parent.parent

BuildRelease = Callable[[str], Path]
BEGAN = pytest.StashKey[float]()
"""When the tests began, in seconds of the monotonic clock."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --stop-after, for a machine that has only so much time for the slow tests."""
    parser.addoption(
        "--stop-after", type=float, metavar="MINUTES", help="skip the tests that have not begun after MINUTES"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Note when the tests began, and let Python and jinja2 keep what they compile.

    Each of the thousands of processes of nfsroot that tests start would compile its modules and templates anew.
    """
    config.stash[BEGAN] = time.monotonic()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test that has to run alone where `make test` runs two tests at a time."""
    for item in items:
        if item.get_closest_marker("alone") and not item.get_closest_marker("full"):
            raise pytest.UsageError(f"{item.nodeid}: `make test` runs two tests at a time: mark it `full`, too")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that begins after the deadline, before any fixture is set up for it."""
    minutes: float | None = item.config.getoption("--stop-after")
    if minutes is not None and time.monotonic() > item.config.stash[BEGAN] + 60 * minutes:
        pytest.skip("no time left (--stop-after)")


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
        workspace = Workspace(cache, Sandbox(), output, _unseen)
        loaded = load(recipe, SearchPath.default(PROJECT))
        return build(loaded, workspace, version=None, source_date=None, refresh=False).directory

    return release


def _unseen(_event: Event) -> None:
    """Drop an event: nobody watches these builds."""
