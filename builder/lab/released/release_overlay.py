"""The overlay of a release, the files that it holds for its cluster, read from the archive that has them."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import IO

from builder.errors import NfsrootError
from builder.lab.machine.namespace import ENVIRONMENT
from builder.process import run

MAGIC = 0xFD2FB528
RLE_BLOCK = 1
DICTIONARY_BYTES = (0, 1, 2, 4)
CONTENT_SIZE_BYTES = (0, 2, 4, 8)


@dataclass(frozen=True)
class OverlayFile:
    """A file that the release put into the tree for its cluster; `mode` in octal digits."""

    digest: str
    mode: str


def files(archive_file: Path, scratch: Path) -> Mapping[PurePosixPath, OverlayFile]:
    """Each regular file of a release's overlay, by its path below the root.  `scratch` is a directory.

    Beside an image, the overlay is an archive of one zstd frame.  A root tarball ends with two frames: the overlay's,
    and that of the tree's directories (builder.release.pack).

    :raises NfsrootError: the archive is not made of frames of zstd.
    """
    compressed, archive = scratch / "overlay.tar.zst", scratch / "overlay.tar"
    compressed.write_bytes(last_frames(archive_file)[0])
    run(["zstd", "-d", "-q", "-f", "-o", str(archive), str(compressed)], env=ENVIRONMENT, on_line=lambda _: None)
    with tarfile.open(archive) as tar:
        found = {PurePosixPath(member.name): _file(tar, member) for member in tar if member.isreg()}
    return MappingProxyType(found)


def last_frames(path: Path) -> list[bytes]:
    """The last two of the zstd frames that a file consists of (RFC 8878, section 3.1.1), or the only one.

    :raises NfsrootError: the file does not consist of zstd frames.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        bounds = [0]
        while bounds[-1] < size:
            bounds.append(_end_of_frame(file, bounds[-1]))
        if bounds[-1] != size or size == 0:
            raise NfsrootError(f"{path.name} is damaged: its last zstd frame is cut off")
        return [_read(file, start, end) for start, end in pairwise(bounds[-3:])]


def _read(file: IO[bytes], start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _end_of_frame(file: IO[bytes], start: int) -> int:
    file.seek(start)
    header = file.read(5).ljust(5, b"\0")
    magic, descriptor = int.from_bytes(header[:4], "little"), header[4]
    if magic != MAGIC:
        raise NfsrootError(f"{Path(file.name).name} is damaged: there is no zstd frame at byte {start}")
    single = descriptor >> 5 & 1
    content_size = CONTENT_SIZE_BYTES[descriptor >> 6] or single
    at = start + 5 + (1 - single) + DICTIONARY_BYTES[descriptor & 3] + content_size
    last = False
    while not last:
        file.seek(at)
        block = int.from_bytes(file.read(3), "little")
        last, kind, size = bool(block & 1), block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == RLE_BLOCK else size)
        if block == 0:
            raise NfsrootError(f"{Path(file.name).name} is damaged: it ends within a zstd frame")
    return at + 4 * (descriptor >> 2 & 1)  # the checksum


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> OverlayFile:
    content = tar.extractfile(member)
    assert content is not None
    return OverlayFile(hashlib.sha256(content.read()).hexdigest(), f"{member.mode:o}")
