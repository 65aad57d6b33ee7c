"""Tar fragments: deterministic, without what the other part has, and readable once they are joined."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from mmap import PAGESIZE
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import NfsrootError
from builder.packing.archive import END_OF_ARCHIVE, GREATEST_STORED_BLOCK, Joined, Part, fragment, stored
from builder.rendered_files import RenderedFile, text_file

NAMES = st.lists(st.text("abc/", min_size=1).map(lambda name: name.strip("/")).filter(lambda n: n and "//" not in n))


def members(data: bytes) -> list[tarfile.TarInfo]:
    """The entries of a fragment."""
    with tarfile.open(fileobj=io.BytesIO(data + END_OF_ARCHIVE)) as archive:
        return archive.getmembers()


def names(data: bytes) -> list[str]:
    """The paths in a fragment, in order."""
    return [member.name for member in members(data)]


def test_entries_are_sorted_with_their_parents() -> None:
    """Entries come in the order of their paths, each after the directories that lead to it."""
    data = fragment([text_file("etc/hosts", ""), text_file("etc/default/tftpd", ""), text_file("README", "")], 1)
    assert names(data) == ["README", "etc", "etc/default", "etc/default/tftpd", "etc/hosts"]


def test_known_parents_are_not_repeated() -> None:
    """A directory that the tree has keeps the tree's mode and owner: it does not come again."""
    data = fragment([text_file("etc/network/interfaces", "")], 1, frozenset({"etc"}))
    assert names(data) == ["etc/network", "etc/network/interfaces"]


def test_given_directory_keeps_its_mode() -> None:
    """A directory that is rendered is not replaced by a parent made up for a file in it."""
    data = fragment([text_file("root/x", ""), RenderedFile("root", mode=0o700, directory=True)], 1)
    assert [(member.name, member.mode) for member in members(data)] == [("root", 0o700), ("root/x", 0o644)]


def test_every_kind_of_file() -> None:
    """Files, directories and links keep mode, content, target and group; everything is root's and of one time."""
    files = [
        RenderedFile("a", b"text", 0o640, gid=42),
        RenderedFile("b", mode=0o711, directory=True),
        RenderedFile("c", link="../a"),
    ]
    file, directory, link = members(fragment(files, 1763200000))
    assert (file.isreg(), file.mode, file.size, file.gid) == (True, 0o640, 4, 42)
    assert (directory.isdir(), directory.mode, directory.gid) == (True, 0o711, 0)
    assert (link.issym(), link.linkname, link.mode) == (True, "../a", 0o777)
    for member in (file, directory, link):
        assert (member.mtime, member.uid, member.uname, member.gname) == (1763200000, 0, "", "")


@given(NAMES, st.randoms())
def test_order_of_files_does_not_count(paths: list[str], random: object) -> None:
    """The same files give the same bytes in whatever order they come."""
    files = [text_file(path, path) for path in dict.fromkeys(paths)]
    shuffled = list(files)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fragment(files, 1) == fragment(shuffled, 1)


FILES = st.builds(
    RenderedFile,
    path=st.text("ab:é/", min_size=1, max_size=120).map(lambda name: str(PurePosixPath("x", name.strip("/")))),
    content=st.binary(max_size=2000),
    mode=st.integers(0, 0o7777),
    gid=st.integers(0, 70_000),
)


@given(st.lists(FILES, max_size=5, unique_by=lambda file: file.path), st.integers(0, 2**33))
def test_headers_are_those_of_tarfile(files: list[RenderedFile], date: int) -> None:
    """Every entry is, byte for byte, what tarfile makes of it."""
    known = frozenset(str(parent) for file in files for parent in PurePosixPath(file.path).parents)
    expected = io.BytesIO()
    with tarfile.open(fileobj=expected, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in sorted(files, key=lambda file: file.path):
            info = tarfile.TarInfo(file.path)
            info.size, info.mode, info.gid, info.mtime = len(file.content), file.mode, file.gid, date
            archive.addfile(info, io.BytesIO(file.content))
        end = archive.offset
    assert fragment(files, date, known) == expected.getvalue()[:end]


def test_fragment_has_no_end() -> None:
    """A fragment ends with its last entry, so that another one can follow."""
    assert fragment([], 1) == b""
    data = fragment([text_file("a", "text")], 1)
    assert len(data) == 1024
    assert not data.endswith(END_OF_ARCHIVE)


def test_long_names_survive() -> None:
    """A path longer than the old format's 100 bytes comes back whole."""
    path = "/".join(["directory"] * 30)
    assert names(fragment([text_file(path, "")], 1))[-1] == path


def test_joined_fragments_are_one_archive(tmp_path: Path) -> None:
    """Fragments that are compressed one by one, joined and read by tar, are one archive with all entries."""
    whole = Joined(tmp_path / "whole.tar.gz")
    for number, data in enumerate(
        [fragment([text_file("etc/a", "a")], 1), fragment([text_file("etc/b", "b")], 1, frozenset({"etc"}))]
    ):
        part = tmp_path / f"{number}.gz"
        part.write_bytes(gzip.compress(data + (END_OF_ARCHIVE if number else b"")))
        whole.add(part)
    with tarfile.open(tmp_path / "whole.tar.gz") as archive:
        assert archive.getnames() == ["etc", "etc/a", "etc/b"]
        file = archive.extractfile("etc/b")
        assert file is not None
        assert file.read() == b"b"


@pytest.mark.parametrize("size", [1, PAGESIZE - 1, PAGESIZE, 3 * PAGESIZE, 3 * PAGESIZE + 1])
def test_first_part_is_copied_byte_for_byte(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree's part, which is dear, stands in the tarball as it was compressed; the digest is the whole's."""
    monkeypatch.setattr("builder.packing.archive.WINDOW", PAGESIZE)
    tree = bytes(number % 251 for number in range(size))
    (tmp_path / "tree").write_bytes(tree)
    (tmp_path / "overlay").write_bytes(b"overlay")
    root = Joined(tmp_path / "root")
    frames = [Part(hashlib.sha256(piece).hexdigest(), len(piece)) for piece in (tree[: size // 2], tree[size // 2 :])]
    root.add_parts(tmp_path / "tree", frames)
    root.add(tmp_path / "overlay")
    assert root.parts == [*frames, Part(hashlib.sha256(b"overlay").hexdigest(), 7)]
    whole = tree + b"overlay"
    assert (tmp_path / "root").read_bytes() == whole
    assert root.hash() == hashlib.sha256(whole).hexdigest()


def test_parts_that_do_not_add_up(tmp_path: Path) -> None:
    """A file of the cache that has not the size of its parts gets into no archive; the user is told what to do."""
    (tmp_path / "tree").write_bytes(b"tree")
    root = Joined(tmp_path / "root")
    with pytest.raises(NfsrootError, match="has 4 bytes, and its parts have 3") as refused:
        root.add_parts(tmp_path / "tree", [Part("1" * 64, 3)])
    assert refused.value.resolution == f"Remove {tmp_path}; the next build makes it anew."
    assert not root.path.exists()


def test_a_copy_has_no_parts(tmp_path: Path) -> None:
    """Of a file of whose parts nobody knows, none are told; its bytes and digest are right."""
    (tmp_path / "image").write_bytes(b"image")
    root = Joined(tmp_path / "root")
    root.copy(tmp_path / "image")
    assert (root.path.read_bytes(), root.parts) == (b"image", [])
    assert root.hash() == hashlib.sha256(b"image").hexdigest()


@pytest.mark.parametrize("size", [0, 1, GREATEST_STORED_BLOCK, GREATEST_STORED_BLOCK + 1, 3 * GREATEST_STORED_BLOCK])
def test_stored_data_comes_back(size: int) -> None:
    """gzip reads what is stored, alone and after another member, and it is hardly longer than the data."""
    data = bytes(number % 251 for number in range(size))
    member = b"".join(stored([data]))
    assert gzip.decompress(member) == data
    assert gzip.decompress(gzip.compress(b"first") + member) == b"first" + data
    assert len(member) <= len(data) + 18 + 5 * 4


def test_stored_pieces_are_one_member() -> None:
    """Pieces come back as one, also where one of them is empty, and no pieces at all as nothing."""
    assert gzip.decompress(b"".join(stored([b"header", b"", b"data"]))) == b"headerdata"
    assert gzip.decompress(b"".join(stored([]))) == b""


@pytest.mark.parametrize("source_date", [0, 1763200000, 2**33])
def test_source_date_is_every_entrys(source_date: int) -> None:
    """Parents that are made up have the same time as the files."""
    assert {member.mtime for member in members(fragment([text_file("a/b", "")], source_date))} == {source_date}
