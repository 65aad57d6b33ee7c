"""A site below a temporary directory, and releases to unpack on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.site.places import Places


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site on which nothing is unpacked yet."""
    root = tmp_path / "server"
    root.mkdir()
    return Places(root)
