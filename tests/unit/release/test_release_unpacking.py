"""What is unpacked in memory: bombs, damage and archives that nobody of good will makes."""

from __future__ import annotations

import gzip
import io
import random
import tarfile

import pytest
from made_releases import zstd

from builder.errors import InputError, NfsrootError
from builder.release.unpacking import read_files, unpack_gzip_member, unpack_zstd

LIMIT = 1 << 20


def archive(*members: tarfile.TarInfo, content: bytes = b"text") -> bytes:
    """A tar archive of these members."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            member.size = len(content) if member.type in (tarfile.REGTYPE, tarfile.GNUTYPE_SPARSE) else 0
            tar.addfile(member, io.BytesIO(content))
    return made.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, mode: int = 0o644) -> tarfile.TarInfo:
    """A member of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, "target"
    return info


def test_frames_are_one_file() -> None:
    """Frames that are joined unpack to what they hold, one after the other; a file at the limit is taken."""
    assert unpack_zstd(zstd(b"a") + zstd(b"b"), 2, "x") == b"ab"
    assert unpack_gzip_member(gzip.compress(b"ab") + gzip.compress(b"c"), 2, "x") == b"ab"


@pytest.mark.parametrize("size", [LIMIT + 1, 500 * LIMIT])
def test_bombs(size: int) -> None:
    """A small file that holds much is refused before more than the limit is in memory."""
    zeros = bytes(size)
    with pytest.raises(InputError, match="x holds more than 1 MiB"):
        unpack_zstd(zstd(zeros), LIMIT, "x")
    with pytest.raises(InputError, match="x holds more than 1 MiB"):
        unpack_gzip_member(gzip.compress(zeros, 1), LIMIT, "x")


@pytest.mark.parametrize("seed", range(20))
def test_cut_off(seed: int) -> None:
    """A file that is cut off is refused with its name."""
    drawn = random.Random(seed)
    text = drawn.randbytes(2000)
    for pack, unpack in ((zstd, unpack_zstd), (gzip.compress, unpack_gzip_member)):
        packed = bytearray(pack(text))
        del packed[drawn.randrange(1, len(packed)) :]
        with pytest.raises(InputError, match="my file is damaged"):
            unpack(bytes(packed), LIMIT, "my file")


def test_without_zstd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without zstd is told which package it lacks."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NfsrootError) as error:
        unpack_zstd(b"", LIMIT, "x")
    assert error.value.resolution.endswith(" zstd")


def test_files_of_an_archive() -> None:
    """Regular files are read with their permissions; links, devices and files with holes are not."""
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)
    members = [member("etc/a", mode=0o600), *(member(f"odd{number}", kind) for number, kind in enumerate(kinds))]
    holes = member("holes")
    holes.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(1 << 50)}
    found = read_files(archive(*members, holes), "x")
    assert found == {"etc/a": (b"text", 0o600)}


@pytest.mark.parametrize("seed", range(60))
def test_drawn_damage_to_an_archive(seed: int) -> None:
    """Whatever bytes an archive has, it is read or refused in words."""
    drawn = random.Random(seed)
    data = bytearray(archive(member("a"), member("b" * 120), member("c")))
    for _ in range(drawn.randint(1, 20)):
        data[drawn.randrange(len(data) // 2)] = drawn.randrange(256)
    try:
        found = read_files(bytes(data), "my archive")
    except InputError as error:
        assert str(error).startswith("my archive is damaged")
    else:
        assert all(len(text.content) <= len(data) for text in found.values())
