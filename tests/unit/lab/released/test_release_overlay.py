from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath

import pytest
from made_releases import Made, with_changes

from builder.errors import InputError, NfsrootError
from builder.lab.released.release import read_release
from builder.lab.released.release_overlay import OverlayFile, read_overlay_files
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.release.manifest import FILE


@pytest.mark.parametrize("kind", RootKind)
def test_files_of_the_overlay(tmp_path: Path, debian: Recipe, kind: RootKind) -> None:
    """Regular files come with digest and mode; directories and the tree's own files do not."""
    recipe = with_changes(debian, root__kind=kind)
    made = Made(recipe, "1.0", tree=[("usr/bin/tree", 0o755, b"x", "tree")])
    files = read_overlay_files(read_release(made.write(tmp_path)))
    domain = next(path for path in files if path.name == "hosts")
    assert files[PurePosixPath("etc/shadow")].mode == "640"
    assert files[domain].mode == "644"
    assert PurePosixPath("usr/bin/tree") not in files
    assert PurePosixPath("etc") not in files


def test_digest_is_of_the_content(tmp_path: Path, debian: Recipe) -> None:
    """The digest of a file is the SHA-256 of what the file holds once the overlay is unpacked."""
    release = read_release(Made(debian, "1.0").write(tmp_path))
    shadow = b"root:*:20000:0:99999:7:::\n"
    assert read_overlay_files(release)[PurePosixPath("etc/shadow")] == OverlayFile(
        hashlib.sha256(shadow).hexdigest(), "640"
    )


@pytest.mark.parametrize("damage", ["cut", "changed", "empty"])
def test_damaged_archive(tmp_path: Path, debian: Recipe, damage: str) -> None:
    """An archive that is not the release's own fails the release, and the message names the file.

    The error is none of the user's input: the lab would end without a verdict.
    """
    release = read_release(Made(debian, "1.0").write(tmp_path))
    whole = release.overlay.read_bytes()
    release.overlay.write_bytes({"cut": whole[: len(whole) // 2], "changed": bytes(len(whole)), "empty": b""}[damage])
    with pytest.raises(NfsrootError, match=r"root\.tar\.zst of .* is damaged") as error:
        read_overlay_files(release)
    assert not isinstance(error.value, InputError)


def test_manifest_of_the_first_schema(tmp_path: Path, debian: Recipe) -> None:
    """A manifest without parts does not say where the overlay is, and the message says what to do."""
    directory = Made(debian, "1.0").write(tmp_path)
    document = json.loads((directory / FILE).read_text())
    (directory / FILE).write_text(json.dumps({**document, "schema_version": 1}))
    with pytest.raises(NfsrootError, match="does not say where") as error:
        read_overlay_files(read_release(directory))
    assert error.value.resolution
