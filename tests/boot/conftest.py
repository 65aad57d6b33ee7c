"""Releases, and node ssi1 of each of them, booted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from first_boot import NODE, SYSTEM_DIRECTORIES, Boot

from builder.lab.rack import rack
from builder.lab.release import Release, read

RELEASES = "NFSROOT_TEST_RELEASES"
"""Environment variable: a directory with the releases to boot, as `NAME/VERSION` below it."""


@pytest.fixture(scope="session", params=["debian-nfsroot", "kerrighed"])
def release(request: pytest.FixtureRequest) -> Release:
    """The newest release of each recipe."""
    if RELEASES not in os.environ:
        pytest.fail(f"set {RELEASES} to a directory of releases")
    found = sorted(Path(os.environ[RELEASES], request.param).glob("*/manifest.json"), key=os.path.getmtime)
    assert found, f"{os.environ[RELEASES]} has no release of {request.param}"
    return read(found[-1].parent)


@pytest.fixture(scope="session")
def boot(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """Node ssi1, booted over the network by its own release's servers and asked how it is."""
    directory = tmp_path_factory.mktemp(release.manifest.name)
    tried = [entry.path for entry in release.recipe.root.writable] + list(SYSTEM_DIRECTORIES)
    with rack(release, directory) as servers, servers.boot(NODE) as node:
        return Boot(release, node.state(tried), node.progress.seconds())
