"""`nfsroot sbom` as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import Nfsroot
from made_releases import Made, package

from builder.recipe.models import Recipe


@pytest.fixture
def release(debian: Recipe, tmp_path: Path) -> str:
    """A release with one package."""
    return str(Made(debian, "1.0", packages=[package("nano", "8.4-1")]).write(tmp_path))


def test_both_forms(nfsroot: Nfsroot, release: str) -> None:
    """CycloneDX is printed by default, SPDX on demand; a second call prints the same bytes."""
    done = nfsroot("sbom", release)
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out)["bomFormat"] == "CycloneDX"
    assert json.loads(nfsroot("sbom", release, "--format", "spdx").out)["spdxVersion"] == "SPDX-2.3"
    assert nfsroot("sbom", release).out == done.out


def test_file(nfsroot: Nfsroot, release: str) -> None:
    """The document goes to a file; one that cannot be written is a mistake in words."""
    assert nfsroot("sbom", release, "--output", "sbom.json").out == ""
    assert Path("sbom.json").read_text() == nfsroot("sbom", release).out
    refused = nfsroot("sbom", release, "--output", "nowhere/sbom.json")
    assert (refused.status, refused.err.splitlines()) == (
        2,
        ["nfsroot: nowhere/sbom.json cannot be written: No such file or directory"],
    )


def test_no_release(nfsroot: Nfsroot) -> None:
    """A directory without a release is named, with the way out."""
    refused = nfsroot("sbom", ".")
    assert refused.status == 2
    assert refused.err.startswith("nfsroot: . holds no release\n-> ")
