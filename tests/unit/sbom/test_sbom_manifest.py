"""SBOMs are made of some parts of a manifest: releases with equal parts have the same SBOMs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_releases import Made, with_changes
from sbom_releases import made

from builder.errors import InputError
from builder.recipe.choices import LOG_PROGRAM
from builder.recipe.models import Logs, Recipe
from builder.sbom.make import make_sboms
from builder.sbom.manifest import SoftwareManifest


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
    assert SoftwareManifest.parse(changed(document, path, value)) == SoftwareManifest.parse(document)


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
    assert SoftwareManifest.parse(changed(document, path, value)) != SoftwareManifest.parse(document)


def test_files_that_hold_software_count(document: dict[str, Any]) -> None:
    """Another digest of what nodes load counts, and that of the server bundle does not."""
    for index, file in enumerate(document["files"]):
        other = changed(document, ("files", index, "sha256"), "0" * 64)
        holds_software = file["path"].startswith(("vmlinuz-", "initrd.img-", "pxegrub/", "dpkg.tar.zst"))
        assert (SoftwareManifest.parse(other) != SoftwareManifest.parse(document)) == holds_software, file["path"]


def test_named_packages(debian: Recipe, tmp_path: Path) -> None:
    """A recipe names its own packages, its kernel, those of its elements and those of its settings."""
    recipe = with_changes(debian, logs=Logs.model_validate({"server": "192.168.0.1"}))
    named = set(SoftwareManifest.read(made(recipe).write(tmp_path)).named)
    assert {LOG_PROGRAM, "nano", "linux-image-amd64", "systemd-timesyncd"} <= set(recipe.packages) <= named
    assert named - set(recipe.packages) == {"busybox-static"}  # the other one of an element's alternatives


def test_packages_that_are_left_out_are_not_named(debian: Recipe, tmp_path: Path) -> None:
    """An element's default that gave way to another package is not named."""
    recipe = with_changes(debian, left_out=("systemd-timesyncd",))
    assert "systemd-timesyncd" not in SoftwareManifest.read(made(recipe).write(tmp_path)).named


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value in a JSON document, and of the first three elements of each list."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(min(len(value), 3)):
            yield from places(value[key], (*path, key))


@pytest.mark.parametrize("with_dpkg", [True, False])
def test_manifests_with_other_values(debian: Recipe, tmp_path: Path, *, with_dpkg: bool) -> None:
    """For each changed value of a manifest, both SBOMs are made, or an error says in words what is wrong."""
    release = made(debian) if with_dpkg else Made(debian, "1.0", packages=made(debian).packages)
    directory = release.write(tmp_path)
    file = directory / "manifest.json"
    document = json.loads(file.read_bytes())
    seen = {"made": 0, "refused": 0}
    drawn = random.Random(20261130)
    for path in drawn.sample([path for path in places(document) if path], 60):
        for value in (None, -1, 1e400, "\0", [], {}, ["x"], {"x": []}):
            file.write_text(json.dumps(changed(document, path, value)))
            try:
                sboms = make_sboms(directory)
            except InputError as error:
                assert str(file) in str(error) or "which is no time" in str(error) or "is damaged" in str(error)
                seen["refused"] += 1
            else:
                assert all(json.loads(text) for text in sboms.values())
                seen["made"] += 1
    assert min(seen.values()) > 20


@pytest.mark.parametrize("text", ["", "[]", "{}", "nothing", '{"files": 3}', "[" * 100_000])
def test_file_that_is_no_manifest(tmp_path: Path, text: str) -> None:
    """Other content is refused, and the file named."""
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"manifest\.json is not a manifest"):
        SoftwareManifest.read(tmp_path)


def test_directory_without_a_release(tmp_path: Path) -> None:
    """A directory without a manifest is said to hold no release."""
    with pytest.raises(InputError, match="holds no release"):
        SoftwareManifest.read(tmp_path)
