"""The Debian package nfsroot-site, made once from this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


def make_deb(output: Path, **environment: str) -> Path:
    """Make the package as `make deb` does, with other variables in the environment."""
    argv = [sys.executable, PROJECT / "deploy/deb", output]
    made = subprocess.run(argv, env={**os.environ, **environment}, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return Path(made.stdout.strip())


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
