"""What the tests of several parts need: the shipped recipes, loaded, and an archive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from archive_index import write_index
from hypothesis import settings

from builder.debian.archive import INDEX, Archive
from builder.recipe.load import load
from builder.recipe.models import Recipe
from builder.recipe.search import SearchPath

PROJECT = Path(__file__).parents[2]

settings.register_profile("busy", deadline=None)  # no test asserts a time: machines are busy
settings.load_profile("busy")


@pytest.fixture(scope="session")
def project_directory() -> Path:
    """The top of the checkout."""
    return PROJECT


@pytest.fixture(scope="session")
def kerrighed() -> Recipe:
    """The recipe with a single read-write root; every node needs a node_id."""
    return load("kerrighed", SearchPath.default(PROJECT))


@pytest.fixture(scope="session")
def debian() -> Recipe:
    """The recipe with a read-only root."""
    return load("debian-nfsroot", SearchPath.default(PROJECT))


@pytest.fixture
def archive(tmp_path: Path, kerrighed: Recipe) -> Archive:
    """An archive that has every package of the recipe."""
    path = tmp_path / "archive"
    path.mkdir()
    write_index(path, kerrighed.packages)
    return Archive("a" * 24, datetime(2025, 11, 15, tzinfo=UTC), path, path / INDEX)
