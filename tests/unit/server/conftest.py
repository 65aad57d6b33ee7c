"""The shipped recipes, as releases of which server bundles are rendered."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.recipe.load import load
from builder.recipe.models import Recipe, ReleaseFacts
from builder.recipe.search import SearchPath

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def facts() -> ReleaseFacts:
    """What is known of a release 1.0."""
    return ReleaseFacts(version="1.0", kernel_version="6.12.0-1-amd64", tool_version="0.1.0")


@pytest.fixture(scope="session")
def debian() -> Recipe:
    """The read-only root; no node needs anything of its own."""
    return load("debian-nfsroot", SearchPath.default(PROJECT))


@pytest.fixture(scope="session")
def kerrighed() -> Recipe:
    """The read-write root; every node needs a node_id."""
    return load("kerrighed", SearchPath.default(PROJECT))
