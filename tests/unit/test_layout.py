"""The names and paths of a release, for each kind of root."""

from __future__ import annotations

import pytest
from layouts import KERNEL, layout_of

from builder.layout import Layout
from builder.recipe.choices import ImageFormat, RootKind, RootTransport
from builder.recipe.models import Recipe


def with_root(recipe: Recipe, **values: object) -> Layout:
    """The layout of release 1.0 of the recipe with these values of its root."""
    return layout_of(recipe.model_copy(update={"root": recipe.root.model_copy(update=values)}))


def test_files_of_a_release_with_a_tree(debian: Recipe) -> None:
    """The root tarball ends with the overlay; every file of the release's own begins with its whole name."""
    layout = with_root(debian, kind=RootKind.DIRECTORY)
    assert layout.name == "debian-nfsroot-1.0"
    assert layout.root_file == layout.overlay_file == "debian-nfsroot-1.0-root.tar.zst"
    assert layout.bundle_file == "debian-nfsroot-1.0-server.tar.gz"


def test_files_of_a_release_with_an_image(debian: Recipe) -> None:
    """The image has the suffix of its format, and the overlay stands beside it."""
    layout = with_root(debian, kind=RootKind.IMAGE, format=ImageFormat.EROFS)
    assert layout.root_file == "debian-nfsroot-1.0-root.erofs"
    assert layout.overlay_file == "debian-nfsroot-1.0-overlay.tar.zst"


def test_files_that_nodes_load(debian: Recipe) -> None:
    """Kernel and initramfs have the kernel's version; an initramfs for a card has the card's name behind it."""
    layout = layout_of(debian)
    assert layout.kernel_file == f"vmlinuz-{KERNEL}"
    assert layout.initramfs_file() == layout.initramfs_file(None) == f"initrd.img-{KERNEL}"
    assert layout.initramfs_file("igc") == f"initrd.img-{KERNEL}.igc"
    assert layout.served_directory == f"/srv/tftp{layout.tftp_directory}" == "/srv/tftp/debian-nfsroot/1.0"


@pytest.mark.parametrize(
    ("values", "directory", "place", "source"),
    [
        (
            {"kind": RootKind.DIRECTORY},
            "/NFSROOT/debian-nfsroot/1.0",
            "/NFSROOT/debian-nfsroot/1.0",
            "192.168.0.1:/NFSROOT/debian-nfsroot/1.0",
        ),
        (
            {"kind": RootKind.IMAGE},
            "/NFSROOT/debian-nfsroot/1.0",
            "/NFSROOT/debian-nfsroot/1.0/root.squashfs",
            "192.168.0.1:/NFSROOT/debian-nfsroot/1.0",
        ),
        (
            {"kind": RootKind.IMAGE, "transport": RootTransport.HTTP},
            "/srv/tftp/debian-nfsroot/1.0",
            "/srv/tftp/debian-nfsroot/1.0/root.squashfs",
            "http://192.168.0.1/debian-nfsroot/1.0/root.squashfs",
        ),
    ],
)
def test_root_on_the_server(debian: Recipe, values: dict[str, object], directory: str, place: str, source: str) -> None:
    """The directory with the root, the path in it that nodes mount or fetch, and what their kernel arguments name."""
    layout = with_root(debian, **values)
    assert (layout.server_directory, layout.root_place, layout.root_source) == (directory, place, source)


@pytest.mark.parametrize(("version", "suffix"), [(3, ""), (4, ".shared")])
def test_shared_directories(debian: Recipe, version: int, suffix: str) -> None:
    """With NFSv4 the directories that nodes share stand beside the root, which is an export of its own."""
    layout = with_root(debian, nfs_version=version)
    assert layout.shared_directory == f"/NFSROOT/debian-nfsroot/1.0{suffix}"
