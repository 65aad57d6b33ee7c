"""Releases have the same SBOMs when the parts of their manifests are equal that determine them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sbom_releases import made

from builder.recipe.models import Recipe
from builder.sbom.identity import identify


def changed(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of a manifest with another value at a path."""
    copy = json.loads(json.dumps(document))
    table = copy
    for key in path[:-1]:
        table = table[key]
    table[path[-1]] = value
    return dict(copy)


@pytest.fixture
def document(debian: Recipe, tmp_path: Path) -> dict[str, Any]:
    """The manifest of a release, as JSON."""
    return dict(json.loads((made(debian).write(tmp_path / "release") / "manifest.json").read_bytes()))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.0"),
        (("server_directory",), "/NFSROOT/elsewhere"),
        (("recipe", "cluster", "domain"), "other.home"),
        (("recipe", "login", "ssh_keys"), ["ssh-ed25519 AAAA me"]),
    ],
)
def test_what_sboms_do_not_name_does_not_count(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Another version or cluster has the same SBOMs."""
    assert identify(changed(document, path, value)) == identify(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "other"),
        (("source_date",), 1),
        (("kernel_version",), "6.99"),
        (("tools",), {"nfsroot": "9"}),
        (("steps",), {"tree": "f" * 24}),
        (("recipe", "debian", "packages"), ["vim"]),
        (("recipe", "debian", "suite"), "bookworm"),
        (("recipe", "left_out"), ["systemd-timesyncd"]),
    ],
)
def test_what_sboms_name_counts(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Another tree, kernel, suite or list of packages has SBOMs of its own."""
    assert identify(changed(document, path, value)) != identify(document)


def test_files_that_hold_software_count(document: dict[str, Any]) -> None:
    """Another digest of what nodes load counts, and that of the server bundle does not."""
    for index, file in enumerate(document["files"]):
        other = changed(document, ("files", index, "sha256"), "0" * 64)
        holds_software = file["path"].startswith(("vmlinuz-", "initrd.img-", "pxegrub/", "dpkg.tar.zst"))
        assert (identify(other) != identify(document)) == holds_software, file["path"]
