"""The commands that put a release's root in place, run for real below a directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from server_recipes import with_root

from builder.recipe.models import ImageFormat, Recipe, RootKind
from builder.server.nfs import exports
from builder.server.root import commands


@pytest.mark.parametrize("nfs_version", [3, 4])
def test_every_export_is_there(debian: Recipe, tmp_path: Path, nfs_version: int) -> None:
    """Afterwards each exported directory is there with what the tarball has for it, and so is each mount point."""
    recipe = with_root(debian, path=str(tmp_path / "NFSROOT"), nfs_version=nfs_version)
    for path in ("var/lib", "root", "etc"):
        (tmp_path / "tree" / path).mkdir(parents=True)
    pack = "tar -C tree -cf - . | zstd -q -o debian-nfsroot-1.0-root.tar.zst"
    subprocess.run(["sh", "-euc", pack], cwd=tmp_path, check=True)
    for command in commands(recipe, "1.0"):
        subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)

    top, *shared = exports(recipe, "1.0")
    assert {path.name for path in Path(top.path).iterdir()} == {"etc", "root", "var"}
    assert [Path(export.path).name for export in shared] == ["var", "root"]
    assert [path.name for path in Path(shared[0].path).iterdir()] == ["lib"]
    assert (Path(top.path, "var/lib").exists()) is (nfs_version == 3)


@pytest.mark.parametrize("root_format", ImageFormat)
def test_image_has_its_name(debian: Recipe, tmp_path: Path, root_format: ImageFormat) -> None:
    """Image and overlay stand in the exported directory under the names by which nodes look for them."""
    path = str(tmp_path / "NFSROOT")
    recipe = with_root(debian, path=path, kind=RootKind.IMAGE, format=root_format, writable=())
    for name in (recipe.root_file("1.0"), recipe.overlay_file("1.0")):
        (tmp_path / name).write_text(name)
    for command in commands(recipe, "1.0"):
        subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)
    (only,) = exports(recipe, "1.0")
    assert not only.read_write
    assert {file.name: file.read_text() for file in Path(only.path).iterdir()} == {
        f"root.{root_format}": f"debian-nfsroot-1.0-root.{root_format}",
        "overlay.tar.zst": "debian-nfsroot-1.0-overlay.tar.zst",
    }
