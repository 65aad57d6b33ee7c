"""The members of an archive, and the entries of the list of its tree: each member has one of its own."""

from __future__ import annotations

import io
import random
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.site.unpacked import Unpacked, follow_tar
from builder.store.tree_entries import Entry

WORDS = ["a", " -> ", " link to ", "é", "\n", "\\", "b"]
"""Pieces of names; some are the words that tar writes before the target of a link."""


def entry(path: str, kind: str, target: str = "") -> Entry:
    """An entry of a list for a path; a file has one byte."""
    return Entry(path, path, kind, 0o644, 0, 0, int(kind == "f"), "0" * 64, target)


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A member of an archive."""
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, target
    return found


def follow(members: list[tarfile.TarInfo], entries: list[Entry], tree: Path) -> Unpacked:
    """Have tar list an archive with these members, and follow the list."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for each in members:
            archive.addfile(each)
    listed = subprocess.run(
        ["tar", "--list", "-vv", "--full-time", "--quoting-style=escape"],
        input=written.getvalue(),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C", "TZ": "UTC0", "PATH": "/usr/bin:/bin"},
    ).stdout
    return follow_tar(io.BytesIO(listed), tree, {each.path: each for each in entries})


@pytest.mark.parametrize("seed", range(20))
def test_links_with_any_words_find_their_entries(seed: int, tmp_path: Path) -> None:
    """Each member finds its own entry, whatever words its name and its target hold, in any order."""
    chance = random.Random(seed)

    def name() -> str:
        return "".join(chance.choices(WORDS, k=chance.randrange(1, 5)))

    entries, members, files = [entry("target", "f")], [member("target", tarfile.REGTYPE)], {"target"}
    for path in {f"{name()}{number}" for number in range(12)}:
        kind = chance.choice("fdlh")
        target = name() if kind == "l" else "target"
        files |= {path} if kind == "f" else set()
        entries.append(entry(path, "f" if kind == "h" else kind, target if kind == "l" else ""))
        types = {"f": tarfile.REGTYPE, "d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}
        members.append(member(path, types[kind], target if kind in "lh" else ""))
    chance.shuffle(members)
    unpacked = follow(members, entries, tmp_path)
    assert unpacked.stranger == ""
    assert unpacked.members.keys() == {each.path for each in entries}
    assert unpacked.digests.keys() == files


@pytest.mark.parametrize(
    ("members", "stranger"),
    [
        ([member("f", tarfile.REGTYPE), member("f", tarfile.REGTYPE)], "f"),
        ([member("f", tarfile.REGTYPE), member("f", tarfile.LNKTYPE, "g")], "f link to g"),
        ([member("other", tarfile.REGTYPE)], "other"),
        ([member("d", tarfile.DIRTYPE), member("d", tarfile.SYMTYPE, "f")], "d -> f"),
        # A second name of a file never takes the entry of a directory, which tar makes without a member of its own.
        ([member("f", tarfile.REGTYPE), member("f", tarfile.LNKTYPE, "d link to g")], "f link to d link to g"),
    ],
)
def test_members_without_an_entry(members: list[tarfile.TarInfo], stranger: str, tmp_path: Path) -> None:
    """A path that comes twice, or that the list lacks, is a stranger."""
    entries = [entry("f", "f"), entry("d", "d"), entry("g", "f"), entry("f link to d", "d")]
    assert follow(members, entries, tmp_path).stranger == stranger


def test_a_file_is_hashed_when_the_next_member_is_listed(tmp_path: Path) -> None:
    """While tar writes a file, nobody reads the file; the last one is read when tar has ended."""

    lines = [f"-rw-r--r-- 0/0 1 2026-01-31 10:00:00 {name}\n".encode() for name in "fg"]

    class Listed(io.BytesIO):
        """tar's list: a file has its byte when the line after its own is read."""

        def __iter__(self) -> Iterator[bytes]:
            yield lines[0]
            (tmp_path / "f").write_bytes(b"1")
            yield lines[1]
            (tmp_path / "g").write_bytes(b"2")

    unpacked = follow_tar(Listed(), tmp_path, {each.path: each for each in (entry("f", "f"), entry("g", "f"))})
    assert unpacked.digests == {
        "f": "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b",
        "g": "d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35",
    }
