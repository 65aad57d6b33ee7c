"""SBOMs that a process makes beside a publisher."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sbom_releases import made

from builder.cache import Cache
from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.sbom.beside import sboms_beside
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.make import make_sboms


def test_the_same_as_here(debian: Recipe, tmp_path: Path) -> None:
    """The process makes what this one would make, and leaves it in the cache, where it is found the next time."""
    release, cache = made(debian).write(tmp_path / "release"), Cache(tmp_path / "cache")
    with sboms_beside(release, cache) as sboms:
        assert sboms() == make_sboms(release)
    (made_once,) = (tmp_path / "cache/objects").glob("sbom-*")
    with sboms_beside(release, cache) as sboms:
        assert sboms() == make_sboms(release)
    assert [made_once] == list((tmp_path / "cache/objects").glob("sbom-*"))


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    """What the process cannot read is told here, in words."""
    release = tmp_path / "release"
    release.mkdir()
    (release / "manifest.json").write_text("{}")
    with sboms_beside(release, Cache(tmp_path / "cache")) as sboms, pytest.raises(InputError, match=r"manifest\.json"):
        sboms()


@pytest.mark.parametrize("before", [False, True])
def test_no_models_are_needed(debian: Recipe, tmp_path: Path, *, before: bool) -> None:
    """Models take as long to import as SBOMs to make: the process has none of them, and finds what is in the cache."""
    release, cache = made(debian).write(tmp_path / "release"), Cache(tmp_path / "cache")
    if before:
        make_sboms(release, cache)
    argv = [sys.executable, "-X", "importtime", "-m", "builder.sbom.beside", release, cache.root]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "builder.sbom.manifest" in imported
    assert not {"pydantic", "builder.release.manifest"} & imported
    assert ("builder.sbom.collect" in imported) != before
    assert {CYCLONEDX, SPDX} <= {path.name for path in Path(done.stdout).iterdir()}
