"""A site below a temporary directory, and releases to unpack on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.site.places import Places


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory without keys, so that no key and no trust of the user's is touched."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "NFSROOT_STORE"):
        monkeypatch.delenv(variable, raising=False)
    return home


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site on which nothing is unpacked yet."""
    root = tmp_path / "server"
    root.mkdir()
    return Places(root)
