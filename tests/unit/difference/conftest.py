"""Pairs of releases to compare."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_releases import Compare, Made, read

from builder.difference.compare import Difference, compare


@pytest.fixture
def compared(tmp_path: Path) -> Compare:
    """Writes two releases and compares them."""

    def run(before: Made, after: Made) -> Difference:
        return compare(read(before.write(tmp_path / "a")), read(after.write(tmp_path / "b")))

    return run
