"""Packages that files belong to: what dpkg's lists say, where links lead below /usr, and diversions."""

from __future__ import annotations

from pathlib import Path

import pytest
from owners import find_owners


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with the link that Debian's usrmerge makes."""
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "var/lib/dpkg/info").mkdir(parents=True)
    return tmp_path


def bring(tree: Path, package: str, *paths: str) -> None:
    """Have a package bring paths."""
    (tree / f"var/lib/dpkg/info/{package}.list").write_text("".join(f"{path}\n" for path in paths))


def test_packages_by_path(tree: Path) -> None:
    """A path is its package's, the first of several; what stands below a link is below /usr, other links are not."""
    (tree / "media").symlink_to("mnt")
    bring(tree, "bash", "/.", "/bin", "/bin/bash", "/media/x", "/usr/bin/bashbug")
    bring(tree, "libc6:amd64", "/.", "/usr/share/doc/libc6")
    bring(tree, "libc6:i386", "/.", "/usr/share/doc/libc6")
    owners = find_owners(tree)
    assert (owners[b"usr/bin/bash"], owners[b"usr/bin/bashbug"], owners[b"media/x"]) == (b"bash", b"bash", b"bash")
    assert owners[b"usr/share/doc/libc6"] == b"libc6:amd64"
    assert b"bin/bash" not in owners


def test_diverted_files(tree: Path) -> None:
    """A diverted file is where it was diverted to; what stands in its place belongs to the package that diverts it."""
    bring(tree, "dash", "/bin/sh")
    bring(tree, "other:amd64", "/bin/sh")
    (tree / "var/lib/dpkg/diversions").write_text("/bin/sh\n/usr/bin/sh.distrib\nother\n/usr/bin/x\n/usr/bin/y\n:\n")
    assert find_owners(tree) == {b"usr/bin/sh.distrib": b"dash", b"usr/bin/sh": b"other:amd64"}


def test_a_tree_without_packages(tmp_path: Path) -> None:
    """Where dpkg has nothing, nothing belongs to a package."""
    assert find_owners(tmp_path) == {}
