"""What a release says about itself agrees with what it holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest

from builder.release.manifest import Manifest, json_schema, sha256

pytestmark = pytest.mark.container

UNLISTED = {"manifest.json", "SHA256SUMS", "build.log"}


def test_manifest_validates_against_its_schema(kerrighed: Path) -> None:
    """manifest.json is what its JSON Schema says."""
    document = json.loads((kerrighed / "manifest.json").read_text())
    jsonschema.Draft202012Validator(json_schema()).validate(document)


def test_manifest_lists_every_file(kerrighed: Path) -> None:
    """Every file is in the manifest with its size and digest."""
    listed = {file.path: (file.size, file.sha256) for file in Manifest.read(kerrighed).files}
    present = {str(path.relative_to(kerrighed)): path for path in kerrighed.rglob("*") if path.is_file()}
    assert set(present) - UNLISTED == set(listed)
    assert {name: (present[name].stat().st_size, sha256(present[name])) for name in listed} == listed


def test_sums_agree(kerrighed: Path) -> None:
    """`sha256sum --check` accepts SHA256SUMS, which covers the manifest and everything in it."""
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=kerrighed, check=True)
    named = {line.split("  ", 1)[1] for line in (kerrighed / "SHA256SUMS").read_text().splitlines()}
    assert named == {file.path for file in Manifest.read(kerrighed).files} | {"manifest.json"}


def test_packages_agree(kerrighed: Path) -> None:
    """packages.tsv, the manifest and the tree's own dpkg name the same packages in the same versions."""
    manifest = Manifest.read(kerrighed)
    listed = {(package.name, package.version) for package in manifest.packages}
    rows = [line.split("\t") for line in (kerrighed / "packages.tsv").read_text().splitlines()]
    assert {(row[0], row[1]) for row in rows} == listed
    assert any(name == f"linux-image-{manifest.kernel_version}" for name, _ in listed)
    assert "nfsbooted" in {name for name, _ in listed}


def test_manifest_holds_nothing_of_the_machine(kerrighed: Path) -> None:
    """No path or host name of the machine that built the release stands in the manifest."""
    text = (kerrighed / "manifest.json").read_text()
    assert str(Path(__file__).parents[2]) not in text
    assert str(Path.home()) + "/" not in text
