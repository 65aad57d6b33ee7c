"""On a file system whose files can share blocks, a release shares those that the release before has."""

from __future__ import annotations

import fcntl
import mmap
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_archive import change_member
from unpack_case import release

from builder.site import donors
from builder.site import tree as site_tree
from builder.site.archive import unpack_archive
from builder.site.places import Places
from builder.site.source import open_directory
from builder.site.unpacked import Unpacked
from builder.site.unpacking import unpack
from builder.site.verification import find_records, verify

BIG = random.Random("big").randbytes(400_000)
TREE = [
    ("usr/bin/same", 0o755, BIG, "p"),
    ("usr/lib/grows", 0o644, BIG[:200_000], "p"),
    ("usr/share/small", 0o644, b"small", "p"),
]
LATER = [("usr/bin/same", 0o755, BIG, "p"), ("usr/lib/grows", 0o644, BIG[:300_000], "p"), ("etc/new", 0o640, BIG, "p")]


def unpack_on(places: Places, directory: Path) -> list[str]:
    """Unpack a release, and return what was told."""
    told: list[str] = []
    unpack(places, open_directory(directory), ("unpack",), lambda event: told.append(str(event)), lambda _state: None)
    (record,) = find_records(places, "kerrighed", directory.name)
    assert verify(places, record).differences == ()
    return told


def shared_extents(path: Path) -> bool:
    """Whether a file shares blocks with another one (filefrag(8), "shared")."""
    told = subprocess.run(["filefrag", "-v", path], capture_output=True, text=True, check=True).stdout
    return "shared" in told


def tree(places: Places, version: str) -> Path:
    """The tree of a version."""
    return places.on_server(f"/NFSROOT/kerrighed/{version}")


def test_equal_files_share_blocks_and_nothing_else(xfs: Places, tmp_path: Path) -> None:
    """Files of equal content share blocks, have an inode each, and the mode and time that their own release gives."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    told = unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert any("are shared with" in line for line in told)
    old, new = tree(xfs, "1.0") / "usr/bin/same", tree(xfs, "1.1") / "usr/bin/same"
    assert shared_extents(new)
    assert shared_extents(tree(xfs, "1.1") / "etc/new")
    assert not shared_extents(tree(xfs, "1.1") / "usr/lib/grows")
    assert (new.stat().st_nlink, new.stat().st_ino != old.stat().st_ino) == (1, True)
    assert new.stat().st_mtime_ns == 0
    assert (tree(xfs, "1.1") / "usr/bin").stat().st_mtime_ns == 0
    assert (tree(xfs, "1.1") / "etc/new").stat().st_mode & 0o7777 == 0o640
    with new.open("r+b") as file:
        file.write(b"changed")
    assert old.read_bytes() == BIG


def edit_like_before(file: Path) -> None:
    """Change a file's content, and neither its size nor its time."""
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(b"backdoor")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def edit_in_memory(file: Path) -> None:
    """Change a file by a mapping (mmap(2)), and bring it to no disk."""
    with file.open("r+b") as opened, mmap.mmap(opened.fileno(), 0) as mapped:
        mapped[:4] = b"oops"


def put_another_in_place(file: Path) -> None:
    """Replace a file by a new one of the same size and time."""
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"x" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(file)


def exchange(file: Path) -> None:
    """Replace a file by an unedited file of the same tree."""
    (file.parent / "sibling").rename(file)


EDITS = [edit_like_before, edit_in_memory, put_another_in_place, exchange]


@pytest.mark.parametrize("edit", EDITS)
def test_what_was_edited_does_not_come_along(edit: Callable[[Path], None], xfs: Places, tmp_path: Path) -> None:
    """A file of the release before that somebody changed is taken from the archive, though it looks unchanged."""
    sibling = ("usr/bin/sibling", 0o755, bytes(len(BIG)), "p")
    unpack_on(xfs, release(tmp_path, "1.0", [*TREE, sibling]))
    edit(tree(xfs, "1.0") / "usr/bin/same")
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert (tree(xfs, "1.1") / "usr/bin/same").read_bytes() == BIG


@pytest.mark.parametrize("seed", range(4))
def test_edits_drawn_by_a_seed(seed: int, xfs: Places, tmp_path: Path) -> None:
    """After drawn edits of a tree, the next release has the files of its list, and shares unedited files."""
    chance = random.Random(seed)
    files = [(f"usr/lib/{number}", 0o644, chance.randbytes(8192 + number), "p") for number in range(40)]
    unpack_on(xfs, release(tmp_path, "1.0", files))
    edited = {path for path, *_ in files if chance.random() < 0.4}
    for path in edited:
        chance.choice(EDITS[:-1])(tree(xfs, "1.0") / path)
    unpack_on(xfs, release(tmp_path, "1.1", files))
    for path, _, content, _ in files:
        assert (tree(xfs, "1.1") / path).read_bytes() == content
        assert shared_extents(tree(xfs, "1.1") / path) is (path not in edited), path


def test_what_is_edited_meanwhile_does_not_come_along(
    xfs: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that writes to a file while it is cloned changes the old release, and not the new one."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    clone = fcntl.ioctl

    def write_and_clone(written: int, request: int, read: int) -> int:
        edit_like_before(tree(xfs, "1.0") / "usr/bin/same")
        return clone(written, request, read)

    monkeypatch.setattr(fcntl, "ioctl", write_and_clone)
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert (tree(xfs, "1.1") / "usr/bin/same").read_bytes() == BIG


def test_clones_are_cloned(xfs: Places, tmp_path: Path) -> None:
    """A third release shares blocks with the second, whose files are clones, when the first one is gone."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    shutil.rmtree(tree(xfs, "1.0"))
    assert not shared_extents(tree(xfs, "1.1") / "usr/lib/grows")
    unpack_on(xfs, release(tmp_path, "1.2", LATER))
    assert shared_extents(tree(xfs, "1.2") / "usr/bin/same")
    assert shared_extents(tree(xfs, "1.2") / "usr/lib/grows")


def test_a_file_system_without_shared_blocks(tmp_path: Path) -> None:
    """On a file system without shared blocks, each release is unpacked whole, and its record has no stamps."""
    room = tmp_path / "room"
    room.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", room], check=True)
    try:
        unpack_on(Places(room), release(tmp_path, "1.0", TREE))
        assert not (Places(room).releases / "kerrighed/1.0" / donors.FILE).exists()
        assert not any("are shared with" in line for line in unpack_on(Places(room), release(tmp_path, "1.1", LATER)))
    finally:
        subprocess.run(["umount", room], check=True)


def test_files_with_two_names(xfs: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that both archives have under two names is no clone, and does not make tar run a second time."""
    runs = []

    def unpack_and_note(*arguments: Any) -> Unpacked:
        runs.append(arguments)
        return unpack_archive(*arguments)

    monkeypatch.setattr(site_tree, "unpack_archive", unpack_and_note)
    files = [*TREE, ("usr/bin/first", 0o755, BIG[1:], "p"), ("usr/bin/second", 0o755, BIG[1:], "p")]
    for version in ("1.0", "1.1"):
        made = release(tmp_path, version, files)
        names = {"type": tarfile.LNKTYPE, "linkname": "usr/bin/first", "size": 0}
        unpack_on(xfs, change_member(made, "usr/bin/second", **names))
    assert len(runs) == 2
    assert shared_extents(tree(xfs, "1.1") / "usr/bin/same")
    assert (tree(xfs, "1.1") / "usr/bin/first").samefile(tree(xfs, "1.1") / "usr/bin/second")


def test_a_file_that_gets_a_second_name(xfs: Places, tmp_path: Path) -> None:
    """A file that was one of two equal ones before, and has a second name now, is unpacked."""
    files = [*TREE, ("usr/bin/first", 0o755, BIG[1:], "p"), ("usr/bin/second", 0o755, BIG[1:], "p")]
    unpack_on(xfs, release(tmp_path, "1.0", files))
    names = {"type": tarfile.LNKTYPE, "linkname": "usr/bin/first", "size": 0}
    unpack_on(xfs, change_member(release(tmp_path, "1.1", files), "usr/bin/second", **names))
    assert shared_extents(tree(xfs, "1.1") / "usr/bin/same")
    assert (tree(xfs, "1.1") / "usr/bin/first").samefile(tree(xfs, "1.1") / "usr/bin/second")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"0": 1}', '{"0": ["a", "b", 1]}', "null"])
def test_stamps_that_cannot_be_read(text: str, xfs: Places, tmp_path: Path) -> None:
    """After damage to the stamps in a record, the next release is unpacked whole."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    (xfs.releases / "kerrighed/1.0" / donors.FILE).write_text(text)
    assert not any("are shared with" in line for line in unpack_on(xfs, release(tmp_path, "1.1", LATER)))


def test_capabilities_do_not_come_along(xfs: Places, tmp_path: Path) -> None:
    """A file capability that somebody gave to a file of the release before stays there."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    os.setxattr(tree(xfs, "1.0") / "usr/bin/same", "user.note", b"mine")
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert os.listxattr(tree(xfs, "1.1") / "usr/bin/same") == []


def test_capabilities_of_the_archive_arrive(xfs: Places, tmp_path: Path) -> None:
    """A file that has the same content in both releases, and capabilities in the second, gets them."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    made = release(tmp_path, "1.1", LATER)
    change_member(made, "usr/bin/same", pax_headers={"SCHILY.xattr.user.note": "from the archive"})
    unpack_on(xfs, made)
    assert os.getxattr(tree(xfs, "1.1") / "usr/bin/same", "user.note") == b"from the archive"


def test_a_tree_that_nodes_took_apart(xfs: Places, tmp_path: Path) -> None:
    """Links, pipes and missing directories in the tree of before harm nobody: all comes from the archive."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    victim = xfs.root / "victim"
    victim.mkdir()
    (victim / "same").write_bytes(BIG)
    (tree(xfs, "1.0") / "usr/lib/grows").unlink()
    os.mkfifo(tree(xfs, "1.0") / "usr/lib/grows")
    (tree(xfs, "1.0") / "usr/bin").rename(tree(xfs, "1.0") / "usr/gone")
    (tree(xfs, "1.0") / "usr/bin").symlink_to(victim)
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert (tree(xfs, "1.1") / "usr/bin/same").read_bytes() == BIG
