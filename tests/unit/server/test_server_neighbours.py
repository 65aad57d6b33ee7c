"""Exports that are within reach of nodes that may only read them."""

from __future__ import annotations

from pathlib import Path

from layouts import layout_of
from server_recipes import SHARED, texts, with_root

from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.server.neighbours import cautions, exported


def install(recipe: Recipe, directory: Path) -> None:
    """Put a bundle's exports where a server has them."""
    for path, text in texts(settings(layout_of(recipe))).items():
        if path.startswith("etc/exports.d/"):
            (directory / Path(path).name).write_text(text)


def test_state_on_the_file_system_of_a_release(debian: Recipe, tmp_path: Path) -> None:
    """Both are named when they share a file system; with one of its own for state nothing is said."""
    install(debian, tmp_path)
    (caution,) = cautions(exported(tmp_path), lambda _: 1)
    top = "/NFSROOT/debian-nfsroot"
    assert f"root of a node can write to {top}/1.0: " in caution
    assert f"{top}/state/all, {top}/state/nodes, and NFS keeps" in caution
    assert cautions(exported(tmp_path), lambda path: 2 if "/state/" in path else 1) == []


def test_read_write_root_beside_a_read_only_one(debian: Recipe, kerrighed: Recipe, tmp_path: Path) -> None:
    """Another recipe's root that nodes write to is a neighbour as well; what is not there is none."""
    install(with_root(debian, writable=()), tmp_path)
    install(kerrighed, tmp_path)
    assert len(cautions(exported(tmp_path), lambda _: 1)) == 1
    assert cautions(exported(tmp_path), lambda path: None if "kerrighed" in path else 1) == []


def test_shared_directories_are_always_neighbours(debian: Recipe, tmp_path: Path) -> None:
    """A shared directory lies in its release, and so within reach of it."""
    install(with_root(debian, writable=SHARED), tmp_path)
    assert len(cautions(exported(tmp_path), lambda _: 1)) == 1


def test_exports_of_others(tmp_path: Path) -> None:
    """What somebody else exports is their own business."""
    (tmp_path / "mine.exports").write_text("/srv 10.0.0.0/8(rw,sync)\n/usr 10.0.0.0/8(ro,sync)\n")
    assert list(exported(tmp_path)) == []
