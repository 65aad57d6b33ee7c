"""The commands that put a release's root in place, run for real below a directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import SHARED, texts, with_root

from builder.recipe.choices import ImageFormat, RootKind, RootTransport
from builder.recipe.models import Recipe
from builder.server.bundle import settings
from builder.server.nfs import exports
from builder.server.root import commands


@pytest.mark.parametrize("nfs_version", [3, 4])
def test_every_export_is_there(debian: Recipe, tmp_path: Path, nfs_version: int) -> None:
    """Afterwards each exported directory is there with what the tarball has for it, and so is each mount point."""
    recipe = with_root(debian, path=str(tmp_path / "NFSROOT"), nfs_version=nfs_version, writable=SHARED)
    for path in ("var/lib", "root", "etc"):
        (tmp_path / "tree" / path).mkdir(parents=True)
    pack = "tar -C tree -cf - . | zstd -q -o debian-nfsroot-1.0-root.tar.zst"
    subprocess.run(["sh", "-euc", pack], cwd=tmp_path, check=True)
    for command in commands(layout_of(recipe)):
        subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)

    top, *shared = exports(layout_of(recipe))
    assert {path.name for path in Path(top.path).iterdir()} == {"etc", "root", "var"}
    assert [Path(export.path).name for export in shared] == ["var", "root"]
    assert [path.name for path in Path(shared[0].path).iterdir()] == ["lib"]
    assert (Path(top.path, "var/lib").exists()) is (nfs_version == 3)


@pytest.mark.parametrize("root_format", ImageFormat)
def test_image_has_its_name(debian: Recipe, tmp_path: Path, root_format: ImageFormat) -> None:
    """Image and overlay stand in the exported directory under the names by which nodes look for them."""
    path = str(tmp_path / "NFSROOT")
    recipe = with_root(debian, path=path, kind=RootKind.IMAGE, format=root_format, writable=())
    for name in (layout_of(recipe, "1.0").root_file, layout_of(recipe, "1.0").overlay_file):
        (tmp_path / name).write_text(name)
    for command in commands(layout_of(recipe)):
        subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)
    (only,) = exports(layout_of(recipe))
    assert not only.read_write
    assert {file.name: file.read_text() for file in Path(only.path).iterdir()} == {
        f"root.{root_format}": f"debian-nfsroot-1.0-root.{root_format}",
        "overlay.tar.zst": "debian-nfsroot-1.0-overlay.tar.zst",
    }


def test_image_over_http_is_where_nginx_serves_it(debian: Recipe) -> None:
    """An image that nodes fetch stands where its URL leads, in the directory of the one site that nginx serves."""
    root = with_root(debian, kind=RootKind.IMAGE, transport=RootTransport.HTTP, writable=())
    assert commands(layout_of(root)) == (
        "mkdir -p /srv/tftp/debian-nfsroot/1.0",
        "cp debian-nfsroot-1.0-root.squashfs /srv/tftp/debian-nfsroot/1.0/root.squashfs",
        "cp debian-nfsroot-1.0-overlay.tar.zst /srv/tftp/debian-nfsroot/1.0/overlay.tar.zst",
    )
    assert layout_of(root).root_source == "http://192.168.0.1/debian-nfsroot/1.0/root.squashfs"
    assert "    root /srv/tftp;\n" in texts(settings(layout_of(root)))["etc/nginx/conf.d/nfsroot.conf"]


def test_image_over_http_needs_no_nfs_server(debian: Recipe) -> None:
    """Nothing is exported, no NFS server is named, and install.sh, which still is a shell script, knows of none."""
    root = with_root(debian, kind=RootKind.IMAGE, transport=RootTransport.HTTP, writable=())
    files = texts(settings(layout_of(root)))
    assert [path for path in files if "export" in path or "ganesha" in path] == []
    assert "nfs-kernel-server" not in files["README"]
    assert "exportfs" not in files["README"]
    help_text = subprocess.run(
        ["sh", "-s", "--", "--help"], input=files["install.sh"], check=True, capture_output=True, text=True
    ).stdout
    assert "--tftp" in help_text
    assert "--nfs" not in help_text
