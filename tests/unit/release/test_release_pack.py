"""Packing: a release appears whole or not at all, and no path stands in both parts of its root tarball."""

from __future__ import annotations

import errno
import gzip
import hashlib
import os
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from layouts import layout_of
from recording_engine import IMAGE, RecordingEngine
from release_manifest import manifest

from builder.boot.boot_files import find_boot_files
from builder.container.engine import Job
from builder.errors import NfsrootError
from builder.files import RenderedFile, text_file
from builder.packing.archive import END_OF_ARCHIVE, Joined
from builder.process import OnLine
from builder.recipe.models import Recipe, Variant
from builder.release import pack
from builder.release.manifest import released_files
from builder.tree.build import Tree

KERNEL = "6.12.1-amd64"


def test_release_appears_whole(tmp_path: Path) -> None:
    """Nothing is seen under the release's name before everything is there."""
    target = tmp_path / "kerrighed/1.0"
    with pack.appearing(target) as directory:
        (directory / "pxegrub").mkdir()
        (directory / "pxegrub/a").write_text("a")
        assert not target.exists()
        assert directory.name.startswith(".")
    assert (target / "pxegrub/a").read_text() == "a"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [NfsrootError("a step failed"), KeyboardInterrupt(), RuntimeError()])
def test_failure_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    """A build that fails or is interrupted while it packs leaves nothing beside the releases."""
    with pytest.raises(type(error)), pack.appearing(tmp_path / "1.0") as directory:
        (directory / "half").write_text("half")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_the_outputs(tmp_path: Path) -> None:
    """A disk that fills up under the output directory is told with that directory, and nothing is left."""
    with pytest.raises(NfsrootError) as caught, pack.appearing(tmp_path / "1.0") as directory:
        (directory / "half").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.brief == f"{tmp_path} cannot be written: No space left on device"
    assert "--output" in caught.value.resolution
    assert list(tmp_path.iterdir()) == []


def test_reader_that_has_gone_says_nothing_of_the_output(tmp_path: Path) -> None:
    """A pipe that breaks while a release is put together is not taken for a directory that cannot be written."""
    with pytest.raises(BrokenPipeError), pack.appearing(tmp_path / "1.0"):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
    assert list(tmp_path.iterdir()) == []


def test_output_that_cannot_be_written(tmp_path: Path) -> None:
    """An output directory that cannot be made is one clear message."""
    (tmp_path / "output").write_text("a file in its place")
    target = tmp_path / "output/kerrighed/1.0"
    with pytest.raises(NfsrootError, match=r"kerrighed cannot be written: Not a directory"), pack.appearing(target):
        pytest.fail("there is no directory to fill")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to any directory")
def test_output_without_permission(tmp_path: Path) -> None:
    """An output directory that is read-only for this user is one clear message."""
    tmp_path.chmod(0o555)
    with pytest.raises(NfsrootError, match="cannot be written: Permission denied"), pack.appearing(tmp_path / "1.0"):
        pytest.fail("there is no directory to fill")


KILLED = """
import os, signal, sys
from pathlib import Path
from builder.release import pack
from builder.release.manifest import released_files
with pack.appearing(Path(sys.argv[1])) as directory:
    (directory / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_build_left_goes(tmp_path: Path) -> None:
    """A build that was killed leaves no release, and the next one starts with an empty directory."""
    target = tmp_path / "1.0"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert list(tmp_path.iterdir()) != []
    with pack.appearing(target) as directory:
        assert list(directory.iterdir()) == []
    assert list(tmp_path.iterdir()) == [target]


def test_release_is_never_replaced(tmp_path: Path) -> None:
    """A release that appeared since the version was chosen stays as it is."""
    target = tmp_path / "1.0"
    target.mkdir()
    (target / "kernel").write_text("first")
    with pytest.raises(NfsrootError, match="was made by another build meanwhile"), pack.appearing(target):
        pytest.fail("there is nothing to fill")
    assert (target / "kernel").read_text() == "first"


def test_two_builds_at_once(tmp_path: Path) -> None:
    """Of two builds that make the same version, from different caches even, one wins and the other is told."""
    target, outcomes = tmp_path / "1.0", []

    def second() -> None:
        try:
            with pack.appearing(target):
                outcomes.append("made")
        except NfsrootError as error:
            outcomes.append(error.brief)

    with pack.appearing(target) as directory:
        other = threading.Thread(target=second)
        other.start()
        other.join(0.2)
        (directory / "kernel").write_text("first")
    other.join(5)
    assert outcomes == [f"{target} was made by another build meanwhile"]
    assert (target / "kernel").read_text() == "first"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A tree with /etc, a hosts file that is not the overlay's, and a kernel."""
    path = tmp_path / "tree"
    path.mkdir()
    (path / "paths").write_text("etc\0etc/passwd\0usr")
    (path / "vmlinuz-6.12.1-amd64").write_text("kernel")
    return Tree(path)


def compress(job: Job, _on_line: OnLine) -> None:
    """Stand in for gzip, and for zstd by changing nothing."""
    suffix, compressed = {"zstd": (".zst", bytes), "gzip": (".gz", gzip.compress)}[job.argv[0]]
    for source in (job.output / Path(name).name for name in job.argv if name.startswith("/output/")):
        source.with_name(source.name + suffix).write_bytes(compressed(source.read_bytes()))
        source.unlink()


@pytest.fixture
def packer(tmp_path: Path) -> pack.Packer:
    """A packer whose compressors are these."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return pack.Packer(RecordingEngine(compress), IMAGE, scratch, 1763200000)


def ignore(_line: str) -> None:
    """Drop a line."""


@pytest.mark.parametrize("alone", [False, True])
def test_overlay(packer: pack.Packer, tree: Tree, alone: bool) -> None:
    """The overlay has its own paths only; it ends as an archive does where it stands alone, and can be joined else."""
    part, lines = packer.overlay(tree, [text_file("etc/fstab", "x")], ignore, alone=alone)
    assert lines.read_text() == f"etc/fstab\tf\t0644\t0\t0\t1\t{hashlib.sha256(b'x').hexdigest()}\t\t\n"
    with tarfile.open(part) as archive:
        assert archive.getnames() == ["etc/fstab"]
    assert part.read_bytes().endswith(END_OF_ARCHIVE) == alone


def test_names_of_any_bytes(packer: pack.Packer, tree: Tree) -> None:
    """The tree's paths are read whatever bytes stand in them."""
    tree.paths.write_bytes(b"etc\0etc/bad\xff\0etc/two\nlines")
    with tarfile.open(packer.overlay(tree, [text_file("etc/fstab", "x")], ignore, alone=False).archive) as archive:
        assert archive.getnames() == ["etc/fstab"]


@pytest.mark.parametrize("path", ["etc/passwd", "etc/motd"])
def test_path_of_the_tree_is_refused(packer: pack.Packer, tree: Tree, path: str) -> None:
    """A path that the tree has, or that the tree was not told to leave out, cannot be the overlay's."""
    with pytest.raises(NfsrootError, match=f"the overlay's {path} would replace files of the tree"):
        packer.overlay(tree, [text_file(path, ""), text_file("etc/fstab", "")], ignore, alone=False)
    assert list(packer.scratch.iterdir()) == []


def test_owned_path_that_the_tree_kept_is_refused(packer: pack.Packer, tree: Tree) -> None:
    """A tree that holds one of the overlay's own paths, through a faulty hook say, is refused too."""
    tree.paths.write_text("etc\0etc/fstab")
    with pytest.raises(NfsrootError, match="etc/fstab would replace"):
        packer.overlay(tree, [text_file("etc/fstab", "")], ignore, alone=False)


def cut(joined: Joined) -> list[tuple[str, int]]:
    """Digest and size of each part of an archive, which is cut by what is said of them."""
    with joined.path.open("rb") as archive:
        pieces = [archive.read(part.size) for part in joined.parts]
        assert archive.read() == b""
    return [(hashlib.sha256(piece).hexdigest(), len(piece)) for piece in pieces]


def test_server_bundle_has_what_nodes_load(packer: pack.Packer, tree: Tree, tmp_path: Path, kerrighed: Recipe) -> None:
    """Kernel, initramfs and boot loaders stand below srv/tftp beside the rendered files, under the served names."""
    ramdisk, loaders = tmp_path / "ramdisk", tmp_path / "loaders"
    (loaders / "secure-boot").mkdir(parents=True)
    ramdisk.mkdir()
    for nic in (None, "igc"):
        (ramdisk / layout_of(kerrighed, kernel=KERNEL).initramfs_file(nic)).write_text("initrd")
    for name in ("pxegrub.i386-pc", "pxegrub.x86_64-efi", *(f"secure-boot/{n}x64.efi" for n in ("shim", "grub", "mm"))):
        (loaders / name).write_text(name)
    served = find_boot_files(layout_of(kerrighed, kernel=KERNEL), tree, sorted(ramdisk.iterdir()), loaders)
    bundle = Joined(tmp_path / "server.tar.gz")
    packer.server_bundle(bundle, [text_file("README", "")], served, ignore)
    assert bundle.hash() == hashlib.sha256(bundle.path.read_bytes()).hexdigest()
    assert cut(bundle) == [(part.sha256, part.size) for part in bundle.parts]
    bundle_of_next = Joined(tmp_path / "next.tar.gz")
    served_next = find_boot_files(layout_of(kerrighed, "1.1", KERNEL), tree, sorted(ramdisk.iterdir()), loaders)
    packer.server_bundle(bundle_of_next, [text_file("README", "other text")], served_next, ignore)
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


def test_checksums_are_of_every_file(tmp_path: Path) -> None:
    """SHA256SUMS names each file, the manifest too, in the form that `sha256sum --check` reads."""
    (tmp_path / "pxegrub").mkdir()
    (tmp_path / "pxegrub/a").write_bytes(b"abc")
    files = released_files(tmp_path, [])
    pack.finish(tmp_path, manifest().model_copy(update={"files": files}))
    sums = dict(reversed(line.split("  ")) for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert sums == {
        name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("manifest.json", "pxegrub/a")
    }
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_empty_overlay_and_links(packer: pack.Packer, tree: Tree) -> None:
    """An overlay without files is an archive too, and a link of the overlay stays one."""
    with tarfile.open(packer.overlay(tree, [], ignore, alone=True).archive) as archive:
        assert archive.getnames() == []
    with_link = packer.overlay(tree, [RenderedFile("etc/resolv.conf", link="x")], ignore, alone=True)
    assert with_link.lines.read_text() == "etc/resolv.conf\tl\t0777\t0\t0\t\t\tx\t\n"
    with tarfile.open(with_link.archive) as link:
        assert link.getmember("etc/resolv.conf").linkname == "x"


def test_what_a_killed_build_left_of_another_version_goes(tmp_path: Path) -> None:
    """A release that appears takes away what killed builds left, of whatever version that was to become."""
    left = tmp_path / ".1.0.unfinished"
    left.mkdir()
    (left / "half").write_text("a release")
    with pack.appearing(tmp_path / "2.0") as directory:
        (directory / "whole").write_text("a release")
    assert [path.name for path in tmp_path.iterdir()] == ["2.0"]
