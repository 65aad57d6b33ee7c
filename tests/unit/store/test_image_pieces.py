"""A root tarball is cut into pieces that are tar archives of their own."""

from __future__ import annotations

import hashlib
import io
import itertools
import random
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from builder.errors import InputError
from builder.release.manifest import Part, ReleasedFile
from builder.store.image.frames import decompress
from builder.store.image.pieces import Piece, cut
from builder.store.image.walk import NotTarError, TarWalk

LISTED = (("usr/bin/a", "alpha"), ("usr/bin/b", "alpha"), ("usr/share/c", "beta"))
LINES = "".join(f"{path}\tf\t0644\t0\t0\t1\t\t\t{package}\n" for path, package in LISTED)
TREE_LIST = f"path\ttype\tmode\towner\tgroup\tsize\tsha256\ttarget\tpackage\n{LINES}"


def compress(data: bytes) -> bytes:
    """A zstd frame."""
    return subprocess.run(["zstd", "--quiet"], input=data, stdout=subprocess.PIPE, check=True).stdout


def member(path: str, content: bytes = b"", *, link: str = "", kind: bytes = tarfile.REGTYPE) -> bytes:
    """A member of an archive in pax format: its header and its content."""
    entry = tarfile.TarInfo(path)
    entry.type, entry.size, entry.linkname = kind, len(content), link
    return entry.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % tarfile.BLOCKSIZE)


def write(release: Path, plain: Sequence[bytes], listed: str = TREE_LIST) -> ReleasedFile:
    """Write a release whose root tarball has a part for each of the texts, which end with the archive's end."""
    packed = [compress(part) for part in [*plain[:-1], plain[-1] + bytes(1024)]]
    (release / "root.tar.zst").write_bytes(b"".join(packed))
    (release / "tree.tsv.zst").write_bytes(compress(listed.encode()))
    parts = tuple(Part(sha256=hashlib.sha256(part).hexdigest(), size=len(part)) for part in packed)
    whole = hashlib.sha256(b"".join(packed)).hexdigest()
    return ReleasedFile(path="root.tar.zst", size=sum(map(len, packed)), sha256=whole, parts=parts)


def numbers(pieces: Sequence[Piece], root: ReleasedFile) -> list[list[int]]:
    """The numbers of the parts in each piece."""
    order = [part.sha256 for part in root.parts]
    return [[order.index(each.part.sha256) for each in piece.slices] for piece in pieces]


def test_parts_of_packages_stand_alone(tmp_path: Path) -> None:
    """A part with whole members is a piece, with the package of its files, and its plain digest."""
    plain = [member("usr/bin/a", b"x" * 700) + member("usr/bin/b"), member("usr/share/c"), member("etc/d", b"d")]
    root = write(tmp_path, plain)
    pieces = cut(tmp_path, root)
    assert numbers(pieces, root) == [[0], [1], [2]]
    assert [piece.package for piece in pieces] == ["alpha", "beta", ""]
    assert [piece.slices[0].start for piece in pieces] == [
        0,
        root.parts[0].size,
        root.parts[0].size + root.parts[1].size,
    ]
    assert pieces[0].slices[0].plain_sha256 == hashlib.sha256(plain[0]).hexdigest()


def test_content_stays_with_its_header(tmp_path: Path) -> None:
    """Parts that end between a header and its content are joined, also where the header has extended records."""
    long = member("etc/" + "long" * 100, b"y" * 5000)
    plain = [member("usr/share/c"), long[:-5120], long[-5120:], member("etc/d"), long[:512], long[512:]]
    root = write(tmp_path, plain)
    assert numbers(cut(tmp_path, root), root) == [[0], [1, 2], [3], [4, 5]]


def test_hard_links_stay_with_their_file(tmp_path: Path) -> None:
    """All parts from a file to a hard link to it are one piece."""
    plain = [
        member("etc/before"),
        member("./etc/file", b"content"),
        member("etc/between"),
        member("etc/link", link="etc/file", kind=tarfile.LNKTYPE),
        member("etc/after"),
        member("etc/inside") + member("etc/also", link="etc/inside", kind=tarfile.LNKTYPE),
    ]
    root = write(tmp_path, plain)
    assert numbers(cut(tmp_path, root), root) == [[0], [1, 2, 3], [4], [5]]


def test_pieces_of_drawn_archives(tmp_path: Path) -> None:
    """Wherever an archive is cut into parts, each piece is an archive of its own, and together they have all of it."""
    drawn = random.Random(30)
    for round_ in range(10):
        sizes = [drawn.choice([0, 1, 512, 3000]) for _ in range(12)]
        names = [f"etc/{'n' * drawn.choice([1, 180])}{number}" for number in range(12)]
        archive = b"".join(member(name, drawn.randbytes(size)) for name, size in zip(names, sizes, strict=True))
        blocks = sorted(drawn.sample(range(1, len(archive) // 512), 6))
        bounds = [0, *(block * 512 for block in blocks), len(archive)]
        plain = [archive[start:end] for start, end in itertools.pairwise(bounds)]
        release = tmp_path / str(round_)
        release.mkdir()
        root = write(release, plain)
        found: list[str] = []
        for piece in cut(release, root):
            data = b"".join(plain[number] for number in numbers([piece], root)[0])
            with tarfile.open(fileobj=io.BytesIO(data + bytes(1024))) as tar:
                found += tar.getnames()
        assert found == names


def test_one_part_of_several_frames(tmp_path: Path) -> None:
    """A release of schema 1 has one part, which is one piece, and no list of its tree."""
    whole = compress(member("etc/a")) + compress(member("etc/b") + bytes(1024))
    (tmp_path / "root.tar.zst").write_bytes(whole)
    digest = hashlib.sha256(whole).hexdigest()
    part = Part(sha256=digest, size=len(whole))
    root = ReleasedFile(path="root.tar.zst", size=len(whole), sha256=digest, parts=(part,))
    (piece,) = cut(tmp_path, root)
    assert piece.slices[0].plain_sha256 == hashlib.sha256(member("etc/a") + member("etc/b") + bytes(1024)).hexdigest()
    assert piece.package == ""


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        ([member("etc/a"), b"x" * 1024], "a header is expected"),
        ([member("etc/a"), member("etc/b", b"x" * 5000)[:1024]], "cut off"),
        ([member("etc/.wh.a")], "hides other files"),
    ],
)
def test_what_cannot_be_an_image(tmp_path: Path, plain: list[bytes], why: str) -> None:
    """A tarball that is damaged, or with a name that means something else in an image, is refused."""
    root = write(tmp_path, plain)
    with pytest.raises(InputError, match=why):
        cut(tmp_path, root)


def test_a_tarball_that_is_cut_off(tmp_path: Path) -> None:
    """A tarball that is shorter than its manifest says, or missing, is refused with its name."""
    root = write(tmp_path, [member("etc/a"), member("etc/b", random.Random(1).randbytes(9000))])
    file = tmp_path / "root.tar.zst"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"root\.tar\.zst is damaged"):
        cut(tmp_path, root)
    file.unlink()
    with pytest.raises(InputError, match=r"root\.tar\.zst cannot be read"):
        cut(tmp_path, root)


@pytest.mark.parametrize("step", [1, 7, 512, 100_000])
def test_walk_in_pieces(step: int) -> None:
    """However the archive comes in, the same members are found."""
    archive = member("a", b"x" * 1000) + member("d", kind=tarfile.DIRTYPE) + member("p" * 200) + bytes(1024)
    walk = TarWalk()
    for start in range(0, len(archive), step):
        walk.feed(archive[start : start + step])
    assert walk.take() == (["a", "p" * 200], [])
    assert walk.is_between_members


@pytest.mark.parametrize("position", [124, 512])
def test_damaged_headers(position: int) -> None:
    """A size that is none, and records without a length, are told."""
    archive = bytearray(member("p" * 200))
    archive[position : position + 3] = b"xyz"
    with pytest.raises(NotTarError):
        TarWalk().feed(bytes(archive))


def test_frames_come_back() -> None:
    """Frames that are joined, the empty one among them, come back as one content."""
    data = random.Random(2).randbytes(100_000) + bytes(3 << 20)
    packed = compress(data[:50_000]) + compress(b"") + compress(data[50_000:])
    pieces = list(decompress(packed[at : at + 1000] for at in range(0, len(packed), 1000)))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 1 << 20
