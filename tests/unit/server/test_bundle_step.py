"""Packing the server bundle: what nodes load, in parts that two releases share."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from layouts import layout_of
from recording_engine import RecordingEngine
from small_tree import compress, tree_of_a_kernel
from step_contexts import release_context_of

from builder.boot.boot_files import find_boot_files
from builder.layout import Layout
from builder.packing.archive import Joined
from builder.parallel import crew
from builder.recipe.choices import Variant
from builder.recipe.models import Recipe
from builder.rendered_files import RenderedFile, text_file
from builder.server.step import pack
from builder.tree.build import Tree

KERNEL = "6.12.1-amd64"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree with a kernel."""
    return tree_of_a_kernel(tmp_path / "tree")


def packed(
    layout: Layout, engine: RecordingEngine, directory: Path, files: Sequence[RenderedFile], loaded: Mapping[str, Path]
) -> Joined:
    """The server bundle with these files, made in a new directory."""
    directory.mkdir()
    with crew(1) as aside:
        context = release_context_of(layout, engine, directory, aside)
        pack(context, files, loaded)
    return context.server


def cut(joined: Joined) -> list[tuple[str, int]]:
    """Digest and size of each part of an archive, which is cut by what is said of them."""
    with joined.path.open("rb") as archive:
        pieces = [archive.read(part.size) for part in joined.parts]
        assert archive.read() == b""
    return [(hashlib.sha256(piece).hexdigest(), len(piece)) for piece in pieces]


def test_server_bundle_has_what_nodes_load(tree: Tree, tmp_path: Path, kerrighed: Recipe) -> None:
    """Kernel, initramfs and boot loaders stand below srv/tftp beside the rendered files, under the served names."""
    ramdisk, loaders, engine = tmp_path / "ramdisk", tmp_path / "loaders", RecordingEngine(compress)
    layout, next_layout = (layout_of(kerrighed, version, KERNEL) for version in ("1.0", "1.1"))
    (loaders / "secure-boot").mkdir(parents=True)
    ramdisk.mkdir()
    for nic in (None, "igc"):
        (ramdisk / layout.initramfs_file(nic)).write_text("initrd")
    for name in ("pxegrub.i386-pc", "pxegrub.x86_64-efi", *(f"secure-boot/{n}x64.efi" for n in ("shim", "grub", "mm"))):
        (loaders / name).write_text(name)
    served = find_boot_files(layout, tree, sorted(ramdisk.iterdir()), loaders)
    bundle = packed(layout, engine, tmp_path / "first", [text_file("README", "")], served)
    assert bundle.hash() == hashlib.sha256(bundle.path.read_bytes()).hexdigest()
    assert cut(bundle) == [(part.sha256, part.size) for part in bundle.parts]
    served_next = find_boot_files(next_layout, tree, sorted(ramdisk.iterdir()), loaders)
    bundle_of_next = packed(next_layout, engine, tmp_path / "next", [text_file("README", "other text")], served_next)
    shared = {part.sha256 for part in bundle.parts} & {part.sha256 for part in bundle_of_next.parts}
    assert len(shared) >= len(served), "each served file's content is a part that the next release shares"
    with tarfile.open(bundle.path) as archive:
        files = {member.name for member in archive if member.isfile()}
        loader = archive.extractfile("srv/tftp/grubx64.efi")
        assert loader is not None
        assert loader.read() == b"secure-boot/grubx64.efi"
    assert files == {
        "README",
        "srv/tftp/pxegrub",
        "srv/tftp/pxegrub.efi",
        "srv/tftp/shimx64.efi",
        "srv/tftp/grubx64.efi",
        "srv/tftp/mmx64.efi",
        "srv/tftp/kerrighed/1.0/vmlinuz-6.12.1-amd64",
        "srv/tftp/kerrighed/1.0/initrd.img-6.12.1-amd64",
        "srv/tftp/kerrighed/1.0/initrd.img-6.12.1-amd64.igc",
    }


def test_server_bundle_has_only_wanted_loaders(tree: Tree, tmp_path: Path, kerrighed: Recipe) -> None:
    """A variant that the recipe leaves out is not served."""
    boot = kerrighed.boot.model_copy(update={"variants": (Variant.I386_PC,)})
    served = find_boot_files(layout_of(kerrighed.model_copy(update={"boot": boot}), kernel=KERNEL), tree, [], tmp_path)
    assert [name for name in served if "/" not in name] == ["pxegrub"]
