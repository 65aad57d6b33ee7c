"""SBOMs that a process makes beside a publisher."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sbom_releases import made

from builder.cache import Cache
from builder.errors import InputError
from builder.recipe.models import Recipe
from builder.sbom.beside import sboms_beside
from builder.sbom.formats import CYCLONEDX, SPDX
from builder.sbom.make import make_sboms


def test_the_same_as_here(debian: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process makes what this one would make, and leaves it in the cache, where no process is needed to find it."""
    release, cache = made(debian).write(tmp_path / "release"), Cache(tmp_path / "cache")
    with sboms_beside(release, cache) as sboms:
        assert sboms() == make_sboms(release)
    (made_once,) = (tmp_path / "cache/objects").glob("sbom-*")
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    with sboms_beside(release, cache) as sboms:
        shutil.rmtree(made_once)  # as a build does that needs the room
        assert sboms() == make_sboms(release)


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    """What the process cannot read is told here, in words."""
    release = tmp_path / "release"
    release.mkdir()
    (release / "manifest.json").write_text("{}")
    with sboms_beside(release, Cache(tmp_path / "cache")) as sboms, pytest.raises(InputError, match=r"manifest\.json"):
        sboms()


def test_no_models_are_needed(debian: Recipe, tmp_path: Path) -> None:
    """Models take as long to import as SBOMs to make, so that neither who makes SBOMs nor who finds them has models."""
    release, cache = made(debian).write(tmp_path / "release"), Cache(tmp_path / "cache")
    making = [sys.executable, "-X", "importtime", "-m", "builder.sbom.beside", release, cache.root]
    imported, directory = _imported(making)
    assert "builder.sbom.collect" in imported
    assert not {"pydantic", "builder.release.manifest"} & imported
    assert {CYCLONEDX, SPDX} <= {path.name for path in Path(directory).iterdir()}

    program = (
        "import sys; from pathlib import Path; from builder.cache import Cache; "
        "from builder.sbom.make import find_sboms; print(*find_sboms(Path(sys.argv[1]), Cache(Path(sys.argv[2]))))"
    )
    imported, names = _imported([sys.executable, "-X", "importtime", "-c", program, release, cache.root])
    assert not {"pydantic", "builder.release.manifest", "builder.sbom.collect"} & imported
    assert names.split() == [CYCLONEDX, SPDX]


def _imported(argv: Sequence[str | Path]) -> tuple[set[str], str]:
    """The modules that a Python program with `-X importtime` imports, and what it prints."""
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}, done.stdout
