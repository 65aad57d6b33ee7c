"""On a file system whose files can share blocks, a release shares those that the release before has."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from hostile_archive import change_member
from unpack_case import release

from builder.site.places import Places
from builder.site.source import open_directory
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


def test_what_was_edited_does_not_come_along(xfs: Places, tmp_path: Path) -> None:
    """A file of the release before that somebody changed is taken from the archive, though it looks unchanged."""
    unpack_on(xfs, release(tmp_path, "1.0", TREE))
    edited = tree(xfs, "1.0") / "usr/bin/same"
    before = edited.stat()
    with edited.open("r+b") as file:
        file.write(b"backdoor")
    os.utime(edited, ns=(before.st_atime_ns, before.st_mtime_ns))
    record = xfs.releases / "kerrighed/1.0/record.json"
    text = record.read_text()
    later = int(edited.stat().st_ctime) + 1000
    record.write_text(text.replace('"unpacked": ', f'"unpacked": {later}, "was": '))
    unpack_on(xfs, release(tmp_path, "1.1", LATER))
    assert (tree(xfs, "1.1") / "usr/bin/same").read_bytes() == BIG


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
