"""What unpacking decides: which lists it takes, what tar says, how much room there has to be."""

from __future__ import annotations

import random
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from builder.errors import InputError, NoSpaceError
from builder.site.archive import sandbox
from builder.site.members import read_member
from builder.site.room import Need, check_room, tree_need
from builder.store.tree_entries import COLUMNS, read_entries

HEADER = "\t".join(COLUMNS)


def row(path: str, kind: str = "f", size: int = 1) -> str:
    """A line of a list."""
    return "\t".join([path, kind, "0644", "0", "0", str(size) if kind == "f" else "", "0" * 64, "", ""])


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([row("a"), row("a")], "twice"),
        ([row("a", "l"), row("a/b")], "below what is no directory"),
        ([row("a/b")], "below what is no directory"),
        ([row("a\\x00b")], "outside the tree"),
        ([row("./a")], "outside the tree"),
        ([row("a//b")], "outside the tree"),
        ([row("a", "s")], "cannot be read"),
        ([row("a").replace("0644", "0o9")], "cannot be read"),
    ],
)
def test_lists_that_are_refused(rows: list[str], words: str) -> None:
    """A list names each path once, inside the tree, and below directories that it names."""
    with pytest.raises(InputError, match=words):
        read_entries([HEADER, *rows])


@pytest.mark.parametrize("seed", range(10))
def test_tars_list_is_understood(seed: int) -> None:
    """Any name, time and kind comes back from the list that tar itself writes."""
    chance = random.Random(seed)
    alphabet = ["a", "é", "\n", "\t", "\\", " ", "\x7f", "\udcff", "0", "*"]
    written = BytesIO()
    expected = {}
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(20):
            member = tarfile.TarInfo(f"{number}" + "".join(chance.choices(alphabet, k=5)))
            member.mtime = chance.randrange(1 << 31)
            member.type = chance.choice([tarfile.REGTYPE, tarfile.DIRTYPE])
            if chance.random() < 0.5:
                member.pax_headers = {"SCHILY.xattr.user.note": "x"}
            archive.addfile(member)
            kind = "d" if member.isdir() else "-"
            expected[member.name] = (kind, bool(member.pax_headers), member.mtime * 10**9)
    listed = subprocess.run(
        ["tar", "--list", "-vv", "--full-time", "--quoting-style=escape", "--numeric-owner", "--xattrs"],
        input=written.getvalue(),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "TZ": "UTC0", "PATH": "/usr/bin:/bin"},
    ).stdout
    members = [member for line in listed.splitlines() if (member := read_member(line))]
    assert {each.text: (each.kind, each.has_attributes, each.nanoseconds) for each in members} == expected


def test_room_is_counted_by_blocks_and_inodes(tmp_path: Path) -> None:
    """Each file takes whole blocks; what lies on one file system adds up; what is too much is refused."""
    entries = read_entries([HEADER, row("a", size=1), row("b", size=4097), row("d", "d")])
    need = tree_need(tmp_path / "not/there", entries)
    assert (need.size, need.inodes) == (4 * 4096, 4)
    check_room([need])
    with pytest.raises(NoSpaceError, match="MB free"):
        check_room([Need(tmp_path, 1 << 61, 1), Need(tmp_path, 1 << 61, 1)])
    with pytest.raises(NoSpaceError, match="inodes free"):
        check_room([Need(tmp_path, 1, 1 << 61)])


def test_tar_can_write_the_tree_alone() -> None:
    """One directory is writable in the sandbox; programs are all that is seen of the machine, and no network is."""
    argv = sandbox(Path("/srv/tree"), 17)
    assert argv[argv.index("--bind") : argv.index("--bind") + 3] == ["--bind", "/srv/tree", "/tree"]
    assert argv.count("--bind") == 1
    assert {argv[at + 1] for at, word in enumerate(argv) if word == "--ro-bind-try"} == {
        "/usr",
        "/lib",
        "/lib64",
        "/bin",
    }
    assert "--unshare-net" in argv
    assert argv[argv.index("--remount-ro") + 1] == "/"
    assert "--fsize=17" in argv
