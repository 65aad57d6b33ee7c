"""Deterministic tar fragments, and archives joined from compressed fragments.

A fragment is a tar archive without its end-of-archive blocks, compressed by itself.  Compressed fragments,
joined one after another, decompress to one archive (zstd and gzip both define this: RFC 8878 section 3,
RFC 1952 section 2.2), so fragments that take long to compress are compressed once and reused byte for byte.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple

from builder.errors import NfsrootError
from builder.parallel import crew
from builder.rendered_files import RenderedFile

END_OF_ARCHIVE = bytes(1024)
"""The end of a tar archive: two 512-byte blocks of zeros (POSIX pax(1))."""

GZIP_HEADER = bytes.fromhex("1f8b 08 00 00000000 00 ff")
"""The header of a gzip member without name and time, made on an unknown system (RFC 1952 section 2.3)."""

GREATEST_STORED_BLOCK = 0xFFFF
"""The most bytes of a stored block (RFC 1951 section 3.2.4)."""

WINDOW = 64 << 20
"""Bytes of a part that are read in one go: they count as memory of this process."""

CHECKSUM = slice(148, 154)
"""The place of a tar header's checksum, in octal digits: the sum of its bytes, with blanks for the checksum's own."""


def fragment(files: Iterable[RenderedFile], source_date: int, known: frozenset[str] = frozenset()) -> bytes:
    """A tar fragment of `files`, sorted, with every directory that leads to them and is not among `known`.

    `known` holds paths without leading or trailing slash; `source_date` is every entry's time, in seconds
    since 1970 (UTC).
    """
    return b"".join(pieces(files, source_date, known))


def pieces(
    files: Iterable[RenderedFile], source_date: int, known: frozenset[str] = frozenset()
) -> Iterator[bytes | mmap]:
    """Yield the tar fragment of `files` that `fragment` returns, in pieces: for large files."""
    for header, content in members(files, source_date, known):
        yield header
        yield from content


def members(
    files: Iterable[RenderedFile], source_date: int, known: frozenset[str] = frozenset()
) -> Iterator[tuple[bytes, tuple[bytes | mmap, ...]]]:
    """Yield each member of a tar fragment of `files`: its header, and its content with the zeros that fill a block.

    The content is empty for directories and links.
    """
    entries = {file.path: file for file in files}
    for path in directories(entries.values()) - known:
        entries.setdefault(path, RenderedFile(path, mode=0o755, directory=True))
    for path in sorted(entries):
        file = entries[path]
        content = (file.content, bytes(-len(file.content) % tarfile.BLOCKSIZE)) if file.content else ()
        yield _header(file, source_date), content


def directories(files: Iterable[RenderedFile]) -> frozenset[str]:
    """The paths of the directories that lead to `files`."""
    found: set[str] = set()
    for file in files:
        path = file.path
        while (path := path.rpartition("/")[0]) and path not in found:
            found.add(path)
    return frozenset(found)


def stored(data: Iterable[bytes | mmap]) -> Iterator[bytes | memoryview]:
    """Yield a gzip member that holds `data` without compression, in pieces: for large data, compressed already."""
    yield GZIP_HEADER
    checksum = size = 0
    for piece in data:
        checksum, size, view = zlib.crc32(piece, checksum), size + len(piece), memoryview(piece)
        for start in range(0, len(piece), GREATEST_STORED_BLOCK):
            block = view[start : start + GREATEST_STORED_BLOCK]
            yield from (_block_header(len(block)), block)
    yield _block_header(0, last=True)
    yield checksum.to_bytes(4, "little") + (size & 0xFFFFFFFF).to_bytes(4, "little")


def _block_header(length: int, *, last: bool = False) -> bytes:
    """The header of a stored block of `length` bytes (RFC 1951 section 3.2.4)."""
    return bytes([last]) + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little")


def content_of(file: Path, start: int = 0, length: int = 0) -> mmap:
    """A mapping of a file that is not empty: `length` bytes from `start` on, or all (0); a page begins at `start`.

    The content stays in the kernel's cache (mmap(2)), so that nothing is copied before it is needed.  A thread that
    hashes or writes the mapping at once leaves Python's lock to the other threads of a build.
    """
    with file.open("rb") as source:
        return mmap(source.fileno(), length, access=ACCESS_READ, offset=start)


class Part(NamedTuple):
    """A part of a file: its SHA-256 in hexadecimal digits, and its size in bytes."""

    sha256: str
    size: int


class Joined:
    """An archive at `path` that is joined from parts, and the list of these parts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.parts: list[Part] = []
        self._digest, self._hashed = hashlib.sha256(), 0

    def add(self, file: Path) -> None:
        """Put the content of `file` at the archive's end, as one part."""
        self.write([content_of(file)])

    def add_parts(self, file: Path, parts: Iterable[Part]) -> None:
        """Put the content of `file`, which consists of `parts`, at the archive's end.

        :raises NfsrootError: the parts do not add up to the file.
        """
        size, known = file.stat().st_size, tuple(parts)
        if sum(part.size for part in known) != size:
            raise NfsrootError(
                f"{file} has {size} bytes, and its parts have {sum(part.size for part in known)}",
                resolution=f"Remove {file.parent}; the next build makes it anew.",
            )
        self.copy(file)
        self.parts += known

    def copy(self, file: Path) -> None:
        """Put the content of `file`, whose parts are not known, at the archive's end.

        A second thread hashes the content at the same time.
        """
        size = file.stat().st_size
        with self.path.open("ab") as target, crew(1) as aside:
            self.hash()
            for start in range(0, size, WINDOW):
                piece = content_of(file, start, min(WINDOW, size - start))
                hashed = aside.begin(partial(self._digest.update, piece))
                target.write(piece)
                hashed()
        self._hashed += size

    def write(self, pieces: Iterable[bytes | memoryview | mmap]) -> None:
        """Put `pieces` at the archive's end, as one part."""
        digest, size = hashlib.sha256(), 0
        with self.path.open("ab") as target:
            for piece in pieces:
                digest.update(piece)
                size += target.write(piece)
        self.parts.append(Part(digest.hexdigest(), size))

    def hash(self) -> str:
        """The SHA-256 of the archive, in hexadecimal digits.

        Only the bytes since the last call are read and hashed, so that a thread can do this beside other work.
        """
        with self.path.open("rb") as written:
            written.seek(self._hashed)
            hashlib.file_digest(written, lambda: self._digest)
            self._hashed = written.tell()
        return self._digest.hexdigest()


def _header(file: RenderedFile, source_date: int) -> bytes:
    """The tar header of `file`.

    Thousands of menus differ in their names alone, and tarfile would take most of a bundle's time.  So the name is put
    into a header that tarfile made without a name, and the bytes of the name are added to the checksum.
    """
    name = file.path.encode()
    plain = not (file.directory or file.link) and name.isascii() and len(name) <= tarfile.LENGTH_NAME
    header = _nameless(file.mode, file.gid, len(file.content), source_date) if plain else b""
    if len(header) != tarfile.BLOCKSIZE:  # other entries, and those of several blocks, are tarfile's
        return _info(file, source_date).tobuf(tarfile.PAX_FORMAT)
    checksum = int(header[CHECKSUM], 8) + sum(name)
    before, after = header[tarfile.LENGTH_NAME : CHECKSUM.start], header[CHECKSUM.stop :]
    return b"%s%s%06o%s" % (name.ljust(tarfile.LENGTH_NAME, b"\0"), before, checksum, after)


@lru_cache(maxsize=1024)
def _nameless(mode: int, gid: int, size: int, source_date: int) -> bytes:
    """The header of a regular file that has no name."""
    info = tarfile.TarInfo()
    info.mode, info.gid, info.size, info.mtime = mode, gid, size, source_date
    return info.tobuf(tarfile.PAX_FORMAT)


def _info(file: RenderedFile, source_date: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(file.path)
    info.mtime = source_date
    info.mode = file.mode
    info.gid = file.gid
    if file.directory:
        info.type = tarfile.DIRTYPE
    elif file.link:
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, file.link, 0o777
    else:
        info.size = len(file.content)
    return info
