"""Packing the overlay: no path stands in both parts of the root tarball."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from layouts import layout_of
from overlay_recipes import recipe_of
from recording_engine import RecordingEngine
from small_tree import compress, tree_of_a_kernel
from step_contexts import release_context_of

from builder.errors import NfsrootError
from builder.overlay.step import pack
from builder.packing.archive import END_OF_ARCHIVE
from builder.packing.release_step import ReleaseContext
from builder.parallel import crew
from builder.rendered_files import RenderedFile, text_file
from builder.tree.build import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree with /etc, a hosts file that is not the overlay's, and a kernel."""
    return tree_of_a_kernel(tmp_path / "tree")


@pytest.fixture
def context(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[ReleaseContext]:
    """A release under way of a recipe whose root is of a kind, a directory if the test names none."""
    kind = getattr(request, "param", "directory")
    with crew(1) as aside:
        layout = layout_of(recipe_of(root={"path": "/NFSROOT/base", "kind": kind}))
        yield release_context_of(layout, RecordingEngine(compress), tmp_path, aside)


@pytest.mark.parametrize(("context", "alone"), [("directory", False), ("image", True)], indirect=["context"])
def test_overlay(context: ReleaseContext, tree: Tree, alone: bool) -> None:
    """The overlay has its own paths only; it ends as an archive does where it stands alone, and can be joined else."""
    part, lines = pack(context, tree, [text_file("etc/fstab", "x")])
    assert lines.read_text() == f"etc/fstab\tf\t0644\t0\t0\t1\t{hashlib.sha256(b'x').hexdigest()}\t\t\n"
    with tarfile.open(part) as archive:
        assert archive.getnames() == ["etc/fstab"]
    assert part.read_bytes().endswith(END_OF_ARCHIVE) == alone


def test_names_of_any_bytes(context: ReleaseContext, tree: Tree) -> None:
    """The tree's paths are read whatever bytes stand in them."""
    tree.paths.write_bytes(b"etc\0etc/bad\xff\0etc/two\nlines")
    with tarfile.open(pack(context, tree, [text_file("etc/fstab", "x")]).archive) as archive:
        assert archive.getnames() == ["etc/fstab"]


@pytest.mark.parametrize("path", ["etc/passwd", "etc/motd"])
def test_path_of_the_tree_is_refused(context: ReleaseContext, tree: Tree, path: str) -> None:
    """A path that the tree has, or that the tree was not told to leave out, cannot be the overlay's."""
    with pytest.raises(NfsrootError, match=f"the overlay's {path} would replace files of the tree"):
        pack(context, tree, [text_file(path, ""), text_file("etc/fstab", "")])
    assert list(context.scratch.iterdir()) == []


def test_owned_path_that_the_tree_kept_is_refused(context: ReleaseContext, tree: Tree) -> None:
    """A tree that holds one of the overlay's own paths, through a faulty hook say, is refused too."""
    tree.paths.write_text("etc\0etc/fstab")
    with pytest.raises(NfsrootError, match="etc/fstab would replace"):
        pack(context, tree, [text_file("etc/fstab", "")])


@pytest.mark.parametrize("context", ["image"], indirect=True)
def test_empty_overlay_and_links(context: ReleaseContext, tree: Tree) -> None:
    """An overlay without files is an archive too, and a link of the overlay stays one."""
    with tarfile.open(pack(context, tree, []).archive) as archive:
        assert archive.getnames() == []
    with_link = pack(context, tree, [RenderedFile("etc/resolv.conf", link="x")])
    assert with_link.lines.read_text() == "etc/resolv.conf\tl\t0777\t0\t0\t\t\tx\t\n"
    with tarfile.open(with_link.archive) as link:
        assert link.getmember("etc/resolv.conf").linkname == "x"
