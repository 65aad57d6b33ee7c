from __future__ import annotations

from pathlib import Path

import pytest
from store_cases import PublishedStore

from builder.store import catalog


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedStore:
    """An empty store, to which each release is published a minute after the one before."""
    clock = iter(range(1_800_000_000, 1_900_000_000, 60))
    monkeypatch.setattr(catalog, "now", lambda: next(clock))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return PublishedStore(tmp_path)
