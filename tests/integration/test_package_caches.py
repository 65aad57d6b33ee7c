"""Caches that packages make of a directory count as fresh on an unpacked tree: directories keep their times."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unpack import unpack

pytestmark = [pytest.mark.container, pytest.mark.full]

RECIPE = """\
extends = "debian-nfsroot"
[image]
name = "caches"
[debian]
packages = ["fontconfig", "fonts-dejavu-core", "gtk-update-icon-cache", "adwaita-icon-theme", "man-db", "manpages"]
"""
ICONS = "usr/share/icons/Adwaita/icon-theme.cache"


@pytest.fixture(scope="module")
def tree(build_release: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root tarball of a release with programs that keep caches, unpacked as its README says."""
    recipe = tmp_path_factory.mktemp("recipe") / "caches.toml"
    recipe.write_text(RECIPE)
    directory = tmp_path_factory.mktemp("caches")
    unpack(build_release(str(recipe)), directory)
    yield directory
    shutil.rmtree(directory)


def said(tree: Path, *command: str) -> str:
    """What a command in the tree writes."""
    run = subprocess.run(["chroot", tree, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert run.returncode == 0, run.stdout
    return run.stdout


def test_icons(tree: Path) -> None:
    """gtk-update-icon-cache, which compares times, leaves the icons' cache as it is."""
    before = (tree / ICONS).stat()
    assert before.st_size > 0
    said(tree, "gtk-update-icon-cache", f"/{Path(ICONS).parent}")
    after = (tree / ICONS).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_fonts(tree: Path) -> None:
    """fc-cache takes the cache of every directory with fonts for valid."""
    lines = said(tree, "fc-cache", "--verbose", "--system-only").splitlines()
    seen = next(line for line in lines if line.startswith("/usr/share/fonts/truetype/dejavu:"))
    assert "existing cache is valid" in seen


def test_libraries(tree: Path) -> None:
    """ldconfig writes the same cache of libraries as the tree has."""
    before = (tree / "etc/ld.so.cache").read_bytes()
    said(tree, "ldconfig", "-X")
    assert (tree / "etc/ld.so.cache").read_bytes() == before


def test_manual_pages(tree: Path) -> None:
    """The index of manual pages, which mandb makes with the time of day, is not in the tree; a page is found."""
    assert list((tree / "var/cache/man").iterdir()) == []
    assert said(tree, "man", "--where", "intro").strip() == "/usr/share/man/man1/intro.1.gz"
