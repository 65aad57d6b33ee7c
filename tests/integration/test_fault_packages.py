"""Packages that the cache keeps and that are not what they were: a flipped byte gets into no tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from command import Project

pytestmark = pytest.mark.container


def damage(kept: Path) -> None:
    """Flip a byte in the middle of a package of a cache, which may share the file with another cache."""
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.unlink()
    kept.write_bytes(content)


@pytest.mark.full
def test_damaged_packages_are_downloaded_again(project: Callable[..., Project], tiny: Project) -> None:
    """Damaged packages are told and downloaded again; the root is the same as that of sound ones, byte for byte."""
    made = project()
    packages = sorted((made.cache / "packages").glob("*/*.deb"), key=lambda path: path.stat().st_size)
    for kept in packages[-3:]:
        damage(kept)
    done = made.build()
    assert done.status == 0, done.errors
    told = [event["line"] for event in done.events if "was damaged where it is kept" in event.get("line", "")]
    assert told
    roots = [next(release.glob("*-root.tar.zst")).read_bytes() for release in (tiny.release, made.release)]
    assert roots[0] == roots[1]
