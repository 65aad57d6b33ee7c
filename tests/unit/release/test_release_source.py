"""Releases in directories: what is damaged, missing or not theirs."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from made_releases import Made, read, with_changes

from builder.errors import InputError
from builder.recipe.choices import RootKind
from builder.recipe.models import Recipe
from builder.release.manifest import FILE
from builder.release.source import DirectorySource


def test_everything_is_read(tmp_path: Path, debian: Recipe) -> None:
    """Settings, menus, overlay and list come out of the archives as they were put in."""
    subject = read(Made(debian, "1.0", tree=[("a", 0o644, b"x", "p")]).write(tmp_path))
    assert subject.overlay
    assert subject.overlay["etc/shadow"].mode == 0o640
    assert subject.bundle["install.sh"].mode == 0o755
    assert subject.listing
    assert subject.listing.count(b"\n") > len(subject.overlay)
    assert set(subject.boot_files) == {"vmlinuz-6.12.1-amd64", "initrd.img-6.12.1-amd64", "pxegrub/pxegrub.i386-pc"}


def test_overlay_beside_an_image(tmp_path: Path, debian: Recipe) -> None:
    """The overlay of an image is a file of its own."""
    subject = read(Made(with_changes(debian, root__kind=RootKind.IMAGE), "1.0").write(tmp_path))
    assert subject.overlay
    assert "etc/fstab" in subject.overlay


@pytest.mark.parametrize("seed", range(12))
def test_damaged_files(tmp_path: Path, debian: Recipe, seed: int) -> None:
    """A byte that is not the release's own is noticed by its digest, and the message names the file."""
    drawn = random.Random(seed)
    directory = Made(debian, "1.0").write(tmp_path)
    name = drawn.choice(["debian-nfsroot-1.0-server.tar.gz", "tree.tsv.zst"])
    data = bytearray((directory / name).read_bytes())
    place = drawn.randrange(len(data) // 2)
    data[place] ^= 1 << drawn.randrange(8)
    if drawn.random() < 0.3:
        del data[place:]
    (directory / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name} of {directory} is damaged") as error:
        read(directory)
    assert error.value.resolution


@pytest.mark.parametrize(
    "name", ["tree.tsv.zst", "debian-nfsroot-1.0-server.tar.gz", "debian-nfsroot-1.0-root.tar.zst"]
)
def test_missing_files(tmp_path: Path, debian: Recipe, name: str) -> None:
    """A file that the manifest names and the directory lacks is named; so is a pipe, which nobody would write to."""
    directory = Made(debian, "1.0").write(tmp_path)
    (directory / name).unlink()
    with pytest.raises(InputError, match=f"{directory} has no file '{name}'"):
        read(directory)
    os.mkfifo(directory / name)
    with pytest.raises(InputError, match=f"{directory} has no file '{name}'"):
        read(directory)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret"])
def test_paths_outside(tmp_path: Path, debian: Recipe, name: str) -> None:
    """No path of a manifest leads out of the release's directory."""
    directory = Made(debian, "1.0").write(tmp_path)
    (directory.parent / "secret").write_text("secret")
    with pytest.raises(InputError, match="has no file"):
        DirectorySource.find(directory).read(name, 0, 6)


def test_manifest_that_names_no_bundle(tmp_path: Path, debian: Recipe) -> None:
    """A manifest without the files that a release must have is refused in words."""
    directory = Made(debian, "1.0").write(tmp_path)
    document = json.loads((directory / FILE).read_bytes())
    document["files"] = []
    (directory / FILE).write_text(json.dumps(document))
    with pytest.raises(InputError, match="names no complete file"):
        read(directory)


def test_part_that_is_too_large(tmp_path: Path, debian: Recipe) -> None:
    """A part beyond the limit is refused before a byte of it is read."""
    directory = Made(debian, "1.0").write(tmp_path)
    document = json.loads((directory / FILE).read_bytes())
    for file in document["files"]:
        if file["path"] == "tree.tsv.zst":
            file["size"] = 1 << 40
            file["parts"] = [{"sha256": file["sha256"], "size": 1 << 40}]
    (directory / FILE).write_text(json.dumps(document))
    with pytest.raises(InputError, match=f"tree.tsv.zst of {directory} has {1 << 40} bytes to read"):
        read(directory)


def test_no_release(tmp_path: Path) -> None:
    """A directory without a manifest is told to hold no release."""
    with pytest.raises(InputError, match="holds no release"):
        DirectorySource.find(tmp_path)
