"""What the tests of several parts need: the shipped recipes, loaded, and a release to render for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

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
