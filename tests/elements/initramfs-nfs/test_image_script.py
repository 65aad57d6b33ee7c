"""The boot script of an image, run in private namespaces over a real image and a real overlay."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from libraries import with_libraries

pytestmark = pytest.mark.container

SCRIPT = Path(__file__).parents[3] / "elements/initramfs-nfs/image/scripts/image"
LAYERS = "/run/initramfs/nfsroot"
BOOT = """
mount -t tmpfs run /run
mkdir -p /run/node
mount --bind "$export" /mnt
mount -o remount,bind,ro /mnt
nfs_mount_root() { mount --bind /mnt "$rootmnt"; mount -o remount,bind,ro "$rootmnt"; }
wait_for_udev() { :; }
configure_networking() { :; }
wget() { busybox wget "$@"; }
panic() { echo "panic: $*"; exit 1; }
rootmnt=/run/node
. "$script"
mountroot
[ "$rootmnt" = /run/node ]
"""
"""As init does it (initramfs-tools(7)), but that the network is there and the server's export is a directory."""


class Export:
    """What the server exports: an image of a tree that has a tar(1), and an overlay's archive."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "export"
        self.directory.mkdir()
        tree = directory / "tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
        (tree / "etc").chmod(0o751)
        for name in ("tar", "zstd"):
            with_libraries(tree, shutil.which(name) or name)
        overlay = directory / "overlay"
        (overlay / "etc").mkdir(parents=True)
        (overlay / "etc/shadow").write_text("root:*\n")
        (overlay / "etc/shadow").chmod(0o640)
        os.chown(overlay / "etc/shadow", 0, 42)
        self.pack(["mksquashfs", str(tree), str(self.directory / "root.squashfs"), "-quiet", "-no-progress"])
        archive = str(self.directory / "overlay.tar.zst")
        self.pack(["tar", "--zstd", "-C", str(overlay), "-cf", archive, "--numeric-owner", "etc/shadow"])

    def pack(self, argv: list[str]) -> None:
        """Run a command that makes a file of the export."""
        subprocess.run(argv, check=True, capture_output=True)

    def boot(self, then: str, root: str = "/dev/nfs") -> subprocess.CompletedProcess[str]:
        """Run the script, and `then` a command on what it mounted; all is gone afterwards."""
        names = {"export": str(self.directory), "script": str(SCRIPT), "ROOT": root, "ROOTDELAY": "1"}
        return subprocess.run(
            ["unshare", "--mount", "sh", "-euc", f"{BOOT}\n{then}"],
            env={"PATH": os.environ["PATH"], **names},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """An export that is in order."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    return Export(tmp_path)


@pytest.fixture
def url(export: Export) -> Iterator[str]:
    """The URL at which a web server on loopback has the image."""
    handler = partial(SimpleHTTPRequestHandler, directory=export.directory)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/root.squashfs"
        server.shutdown()
        thread.join()


def test_root_over_http(export: Export, url: str) -> None:
    """An image that is fetched makes the same root, from memory that nobody can write to."""
    then = f"cat /run/node/etc/passwd /run/node/etc/shadow; ls {LAYERS}/export; touch {LAYERS}/export/x || echo refused"
    done = export.boot(then, url)
    assert done.stdout.split() == ["root:x:0:0::/:/bin/sh", "root:*", "overlay.tar.zst", "root.squashfs", "refused"]


def test_root_that_is_not_there_over_http(export: Export, url: str) -> None:
    """A node whose server has no such image tries for as long as it was told, and then says where to look."""
    done = export.boot("echo started", url.replace("squashfs", "erofs"))
    assert done.stdout == f"panic: The root's image cannot be mounted: see {LAYERS}.\n"


def test_root_is_tree_and_overlay(export: Export) -> None:
    """The root has the tree's files and the overlay's, each with its owner and mode; a directory keeps the tree's."""
    done = export.boot("cd /run/node; cat etc/passwd etc/shadow; stat -c '%a:%u:%g' etc/passwd etc/shadow etc .")
    assert done.stdout.split() == ["root:x:0:0::/:/bin/sh", "root:*", "644:0:0", "640:0:42", "751:0:0", "755:0:0"]


def test_writes_stay_in_memory(export: Export) -> None:
    """What is written to the root, or removed from it, is neither in the image nor in the export."""
    before = {path.name: path.read_bytes() for path in export.directory.iterdir()}
    done = export.boot(
        f"echo new > /run/node/etc/passwd; rm /run/node/etc/shadow; cat /run/node/etc/passwd {LAYERS}/image/etc/passwd"
    )
    assert done.stdout.split() == ["new", "root:x:0:0::/:/bin/sh"]
    assert {path.name: path.read_bytes() for path in export.directory.iterdir()} == before


def test_every_layer_can_be_seen(export: Export) -> None:
    """Nothing is mounted but the root and its layers, and these where systemd leaves them alone."""
    done = export.boot("awk '$2 ~ \"^/run/\" { print $2, $3 }' /proc/mounts")
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        f"{LAYERS}/export",
        f"{LAYERS}/image",
        f"{LAYERS}/memory",
        "/run/node",
    ]
    assert [line.split()[1] for line in done.stdout.splitlines()][1:] == ["squashfs", "tmpfs", "overlay"]


@pytest.mark.parametrize("file", ["root.squashfs", "overlay.tar.zst"])
@pytest.mark.parametrize("content", [None, b"damaged"])
def test_a_root_that_is_not_whole_is_not_started(export: Export, file: str, content: bytes | None) -> None:
    """Where image or overlay is missing or damaged, the boot stops and says where to look."""
    (export.directory / file).unlink()
    if content is not None:
        (export.directory / file).write_bytes(content)
    done = export.boot("echo started")
    assert done.stdout == f"panic: The root's image cannot be mounted: see {LAYERS}.\n"
