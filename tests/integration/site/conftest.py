"""A site below a temporary directory, and releases to unpack on it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
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


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Places]:
    """A site on a file system of its own, XFS with shared blocks."""
    image, root = tmp_path / "image", tmp_path / "xfs"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    root.mkdir()
    subprocess.run(["mount", "-o", "loop", image, root], check=True)
    yield Places(root)
    subprocess.run(["umount", root], check=True)
