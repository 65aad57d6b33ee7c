"""What the tests of the tree's parts need: an archive."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from builder.recipe.models import Recipe
from builder.tree.archive import Archive


@pytest.fixture
def archive(tmp_path: Path, kerrighed: Recipe) -> Archive:
    """An archive that has every package of the recipe."""
    path = tmp_path / "archive"
    (path / "lists").mkdir(parents=True)
    (path / "names").write_text("\n".join(kerrighed.packages))
    return Archive("a" * 24, datetime(2025, 11, 15, tzinfo=UTC), path)
