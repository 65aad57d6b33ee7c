"""Releases, and node ssi1 of each of them, booted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from first_boot import NODE, SYSTEM_DIRECTORIES, Boot

from builder.lab.rack import rack
from builder.lab.release import Release, read


@pytest.fixture(scope="session", params=["debian-nfsroot", "kerrighed"])
def release(request: pytest.FixtureRequest, build_release: Callable[[str], Path]) -> Release:
    """The release of each recipe, built here or found."""
    return read(build_release(request.param))


@pytest.fixture(scope="session")
def boot(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """Node ssi1, booted over the network by its own release's servers and asked how it is."""
    directory = tmp_path_factory.mktemp(release.manifest.name)
    tried = [entry.path for entry in release.recipe.root.writable] + list(SYSTEM_DIRECTORIES)
    with rack(release, directory) as servers, servers.boot(NODE) as node:
        return Boot(release, node.state(tried), node.progress.seconds())
