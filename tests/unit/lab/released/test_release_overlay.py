from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path, PurePosixPath

import pytest

from builder.errors import NfsrootError
from builder.files import RenderedFile, text_file
from builder.lab.released.release_overlay import OverlayFile, files, last_frames
from builder.release.archive import END_OF_ARCHIVE, fragment

TREE = bytes(range(256)) * 4096


def compressed(data: bytes, *options: str) -> bytes:
    """One frame, made by zstd itself."""
    return subprocess.run(["zstd", "-c", "-q", *options], input=data, capture_output=True, check=True).stdout


@pytest.mark.parametrize("options", [(), ("--no-check",), ("-19", "--long"), ("-T2", "-1"), ("--no-content-size",)])
@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 500_000, TREE], ids=["empty", "byte", "zeros", "tree"])
def test_last_frames(tmp_path: Path, content: bytes, options: tuple[str, ...]) -> None:
    """However frames were made and whatever they hold, the last two are found exactly."""
    path, last = tmp_path / "joined", compressed(content, *options)
    path.write_bytes(compressed(TREE, *options) + compressed(b"") + last)
    assert last_frames(path) == [compressed(b""), last]


@pytest.mark.parametrize("damage", ["cut", "no frame", "empty", "trailing"])
def test_damaged_archive(tmp_path: Path, damage: str) -> None:
    """A file that does not consist of whole frames is an error with its name."""
    whole = compressed(TREE)
    path = tmp_path / "root.tar.zst"
    path.write_bytes({"cut": whole[:-7], "no frame": b"x" * 99, "empty": b"", "trailing": whole + b"xy"}[damage])
    with pytest.raises(NfsrootError, match=r"root\.tar\.zst is damaged"):
        last_frames(path)


def test_files_of_the_overlay(tmp_path: Path) -> None:
    """Regular files come with digest and mode; directories and what the tree holds do not."""
    overlay = [text_file("etc/fstab", "proc\n"), text_file("etc/shadow", "root:*", 0o640)]
    overlay.append(RenderedFile("etc/empty", directory=True, mode=0o755))
    tree = fragment([text_file("etc/passwd", "root")], 0)
    archive = tmp_path / "root.tar.zst"
    directories = fragment([RenderedFile("etc", directory=True)], 0) + END_OF_ARCHIVE
    archive.write_bytes(b"".join(compressed(part) for part in (tree, fragment(overlay, 0), directories)))
    beside_image = tmp_path / "overlay.tar.zst.released"
    beside_image.write_bytes(compressed(fragment(overlay, 0) + END_OF_ARCHIVE))
    assert (
        files(archive, tmp_path)
        == files(beside_image, tmp_path)
        == {
            PurePosixPath("etc/fstab"): OverlayFile(hashlib.sha256(b"proc\n").hexdigest(), "644"),
            PurePosixPath("etc/shadow"): OverlayFile(hashlib.sha256(b"root:*").hexdigest(), "640"),
        }
    )
