"""What is kept of dpkg's data beside a tree."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from dpkg_data import LARGEST, read_copyright, write_dpkg_data

from builder.debian import index

LIST = """\
Package: a
Version: 1:1-1
Architecture: amd64
SHA256: aaaa

Package: a
Version: 1:1-2
Architecture: amd64
SHA256: bbbb

Package: b
Version: 2
Architecture: all
SHA256: cccc
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with dpkg's table and the copyright file of package a."""
    tree = tmp_path / "tree"
    (tree / "var/lib/dpkg").mkdir(parents=True)
    (tree / "var/lib/dpkg/status").write_text("Package: a\n")
    (tree / "usr/share/doc/a").mkdir(parents=True)
    (tree / "usr/share/doc/a/copyright").write_text("free")
    return tree


def test_what_is_in_the_archive(tree: Path, tmp_path: Path) -> None:
    """Table, copyright files and digests of just the versions in the tree; two times the same bytes."""
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists/x_Packages").write_text(LIST)
    index.make(tmp_path / "lists", tmp_path / "index.sqlite")
    packages = tmp_path / "packages.tsv"
    packages.write_text("a\t1:1-2\tamd64\t\nb\t2\tall\tsource\nours\t1\tall\t\n")
    for name in ("one.tar", "two.tar"):
        write_dpkg_data(tree, packages, tmp_path / "index.sqlite", tmp_path / name)
    with tarfile.open(tmp_path / "one.tar") as tar:
        found = {member.name: tar.extractfile(member).read().decode() for member in tar}  # type: ignore[union-attr]
    assert found == {
        "SHA256SUMS": "bbbb  a_1%3a1-2_amd64.deb\ncccc  b_2_all.deb\n",
        "var/lib/dpkg/status": "Package: a\n",
        "usr/share/doc/a/copyright": "free",
    }
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_links_to_another_package(tree: Path) -> None:
    """A package whose directory is a link to that of another one has that one's file."""
    (tree / "usr/share/doc/b").symlink_to("a")
    assert read_copyright(tree, "b") == b"free"


@pytest.mark.parametrize("target", ["/etc", "../../../../outside", "../../../var/lib/dpkg", "loop"])
def test_links_elsewhere(tree: Path, target: str) -> None:
    """A link that leads out of the directory of copyright files is not followed, nor one that leads nowhere."""
    (tree.parent / "outside").mkdir()
    (tree.parent / "outside/copyright").write_text("secret")
    (tree / "var/lib/dpkg/copyright").write_text("secret")
    (tree / "usr/share/doc/loop").symlink_to(target)
    assert read_copyright(tree, "loop") is None


def test_odd_files(tree: Path) -> None:
    """What is no file, or larger than any copyright file, is left out."""
    (tree / "usr/share/doc/b/copyright").mkdir(parents=True)
    (tree / "usr/share/doc/c").mkdir()
    with (tree / "usr/share/doc/c/copyright").open("wb") as large:
        large.truncate(LARGEST + 1)
    assert [read_copyright(tree, name) for name in ("b", "c", "none")] == [None, None, None]
