"""The Debian package nfsroot-site, made once from this checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from made_deb import make_deb


@pytest.fixture(scope="session")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package."""
    return make_deb(tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the package below a directory."""
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", deb, directory], check=True)
    return directory
