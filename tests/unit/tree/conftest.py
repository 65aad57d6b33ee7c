"""What the tests of the tree's parts need: an archive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from archive_index import write_index

from builder.recipe.models import Recipe
from builder.tree.archive import INDEX, Archive


@pytest.fixture
def archive(tmp_path: Path, kerrighed: Recipe) -> Archive:
    """An archive that has every package of the recipe."""
    path = tmp_path / "archive"
    path.mkdir()
    write_index(path, kerrighed.packages)
    return Archive("a" * 24, datetime(2025, 11, 15, tzinfo=UTC), path, path / INDEX)
