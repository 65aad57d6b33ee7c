"""The packing of a tree's paths into zstd frames: each holds a tar archive without the blocks that end an archive.

Joined frames are one archive (tar(5), RFC 8878 section 3).  One tar(1) reads the files of many frames, and one zstd(1)
compresses them.  On the way, this module computes the digest of each file.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple

LEVEL = 3
TAR = (
    "--create",
    "--null",
    "--no-recursion",
    "--verbatim-files-from",
    "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--xattrs",
    "--xattrs-include=*",
    "--xattrs-exclude=security.selinux",  # the build machine's own labels, and measures of what it has on its disks
    "--xattrs-exclude=security.SMACK64*",
    "--xattrs-exclude=security.ima",
    "--xattrs-exclude=security.evm",
    "--numeric-owner",
    "--clamp-mtime",
    "--blocking-factor=2048",
)
BLOCK = 512
END = bytes(2 * BLOCK)
"""The blocks of zeros that end an archive (tar(5))."""
MAGIC, KIND, SIZE = slice(257, 262), slice(156, 157), slice(124, 135)
"""The positions in a header of 512 bytes of `ustar`, the member's kind, and its size in bytes, in octal digits."""
REGULAR, EXTENDED = b"0", b"x"
"""The kinds of members: a file with its content, and a header of records for the next member (pax(1))."""
AT_ONCE = 1 << 20
"""The number of bytes that one read takes."""


class Frame(NamedTuple):
    """A zstd frame: its file, its SHA-256 in hexadecimal digits, its size in bytes."""

    file: Path
    sha256: str
    size: int


class Packed(NamedTuple):
    """Frames in order, and the SHA-256 of each file's content by path; further names of a file have none."""

    frames: list[Frame]
    digests: dict[bytes, bytes]


def pack(
    tree: Path,
    groups: Sequence[Sequence[bytes]],
    stem: Path,
    *,
    apart: Collection[bytes] = (),
    ended: bool = False,
    lanes: int = 1,
) -> Packed:
    """Pack paths of `tree`, in order, with times clamped to SOURCE_DATE_EPOCH; each group begins a frame.

    The content of each path in `apart` gets a frame of its own, which stays the same when only the file's time changes.
    The files of frames are named `stem`, a number and `.tar.zst`.  With `ended`, the last frame ends the archive.
    `lanes` processes compress frames at one time.

    :raises subprocess.CalledProcessError: a program failed; tar(1) also fails when a file changes while it is read.
    """
    date = os.environ["SOURCE_DATE_EPOCH"]
    command = ["tar", *TAR, f"--mtime=@{date}", f"--directory={tree}", "--file=-", "--files-from=-"]
    splitter = Splitter(stem, apart)
    with TemporaryFile() as names:
        names.write(b"\0".join(path for group in groups for path in group))
        names.seek(0)
        with subprocess.Popen(command, stdin=names, stdout=subprocess.PIPE, bufsize=AT_ONCE) as tar:
            assert tar.stdout
            complete = splitter.split(tar.stdout, groups)
            while tar.stdout.read(AT_ONCE):
                pass
    splitter.end(END if ended else b"")
    if tar.returncode or not complete:
        raise subprocess.CalledProcessError(tar.returncode or 1, command)
    compress(splitter.files, lanes)
    return Packed([read_frame(file.with_name(f"{file.name}.zst")) for file in splitter.files], splitter.digests)


class Splitter:
    """A splitter of an archive into files, named `stem`, a number and `.tar`; it computes the digests of members."""

    def __init__(self, stem: Path, apart: Collection[bytes]) -> None:
        self._stem, self._apart = stem, apart
        self._out: BinaryIO | None = None
        self.files: list[Path] = []
        self.digests: dict[bytes, bytes] = {}

    def split(self, archive: BinaryIO, groups: Sequence[Sequence[bytes]]) -> bool:
        """Split an archive that has the paths of `groups` in order; return False if the archive lacks any."""
        for group in groups:
            self._close()
            for path in group:
                header, size = read_header(archive)
                if not header:
                    return False
                self._write(header)
                if path in self._apart:
                    self._close()
                digest = hashlib.sha256()
                for piece in read_pieces(archive, size):
                    digest.update(piece)
                    self._write(piece)
                self._write(archive.read(-size % BLOCK))
                if header[-BLOCK:][KIND] == REGULAR:
                    self.digests[path] = digest.hexdigest().encode()
                if path in self._apart:
                    self._close()
        return True

    def end(self, blocks: bytes) -> None:
        """Write `blocks` to the last file, and close it."""
        self._write(blocks)
        self._close()

    def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._out is None:
            self.files.append(self._stem.with_name(f"{self._stem.name}{len(self.files):03}.tar"))
            self._out = self.files[-1].open("wb", AT_ONCE)
        self._out.write(data)

    def _close(self) -> None:
        if self._out is not None:
            self._out.close()
        self._out = None


def read_header(archive: BinaryIO) -> tuple[bytes, int]:
    """The blocks before a member's content, and the content's size in bytes; empty at the end of the archive."""
    header = archive.read(BLOCK)
    if header[MAGIC] != b"ustar":
        return b"", 0
    size = int(header[SIZE], 8)
    if header[KIND] != EXTENDED:
        return header, size
    records = archive.read(size + -size % BLOCK)
    member, length = read_header(archive)
    return header + records + member, int(read_records(records[:size]).get(b"size", length))


def read_records(records: bytes) -> dict[bytes, bytes]:
    """The records of an extended header, each `LENGTH KEY=VALUE` and a newline; values may hold any byte (pax(1))."""
    read: dict[bytes, bytes] = {}
    while records:
        length, _, _ = records.partition(b" ")
        key, _, value = records[len(length) + 1 : int(length) - 1].partition(b"=")
        read[key] = value
        records = records[int(length) :]
    return read


def read_pieces(archive: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of an archive in pieces; fewer if the archive ends before."""
    while size > 0 and (piece := archive.read(min(size, AT_ONCE))):
        size -= len(piece)
        yield piece


def compress(files: Sequence[Path], lanes: int) -> None:
    """Compress each file into a frame, by `lanes` processes with about equal work, and remove the files."""
    shares: list[list[Path]] = [[] for _ in range(lanes)]
    loads = [0] * lanes
    for file in sorted(files, key=lambda file: file.stat().st_size, reverse=True):
        least = loads.index(min(loads))
        shares[least].append(file)
        loads[least] += file.stat().st_size
    running = [subprocess.Popen(["zstd", "--quiet", f"-{LEVEL}", "-T1", "--rm", *share]) for share in shares if share]
    for process in running:
        process.wait()
    for process in running:
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, process.args)


def read_frame(file: Path) -> Frame:
    """The frame in a file."""
    with file.open("rb") as content:
        return Frame(file, hashlib.file_digest(content, "sha256").hexdigest(), file.stat().st_size)
