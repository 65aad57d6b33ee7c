"""Unpacks compressed files of a release in memory, up to a limit of bytes: a release may come from anybody."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import zlib
from typing import IO, NamedTuple

from builder.errors import InputError, NfsrootError

GZIP = 16 + zlib.MAX_WBITS
"""The number that tells zlib that a stream has gzip's header and trailer (zlib's manual, inflateInit2)."""
PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
PIECE = 1 << 20
"""Bytes that are read at once."""


class Text(NamedTuple):
    """A file of an archive: its content and its permissions."""

    content: bytes
    mode: int


def unpack_zstd(data: bytes, limit: int, what: str) -> bytes:
    """The content of zstd frames; `what` names the file in messages.

    :raises InputError: the data is no zstd file, or holds more than `limit` bytes.
    :raises NfsrootError: this machine has no zstd(1).
    """
    with os.fdopen(os.memfd_create("compressed"), "w+b") as compressed:
        compressed.write(data)
        compressed.seek(0)
        try:
            zstd = subprocess.Popen(
                ["zstd", "--decompress", "--stdout", "--quiet"],
                stdin=compressed,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            raise NfsrootError(
                f"zstd cannot be started: {error.strerror}",
                resolution="apt-get install --no-install-recommends zstd",
            ) from error
        with zstd:
            assert zstd.stdout and zstd.stderr
            unpacked = _read_at_most(zstd.stdout, limit + 1)
            if len(unpacked) > limit:
                zstd.kill()
                raise too_large(what, limit)
            said = zstd.stderr.read().decode(errors="backslashreplace").strip()
    if zstd.returncode:
        raise InputError(f"{what} is damaged: zstd cannot unpack it", details=said)
    return unpacked


def unpack_gzip_member(data: bytes, limit: int, what: str) -> bytes:
    """The content of the first gzip member of `data` (RFC 1952, section 2.2); `what` names the file in messages.

    :raises InputError: there is no gzip member, or it holds more than `limit` bytes.
    """
    member = zlib.decompressobj(GZIP)
    try:
        unpacked = member.decompress(data, limit + 1)
    except zlib.error as error:
        raise InputError(f"{what} is damaged: {error}") from error
    if len(unpacked) > limit:
        raise too_large(what, limit)
    if not member.eof:
        raise InputError(f"{what} is damaged: its first gzip member is cut off")
    return unpacked


def read_files(archive: bytes, what: str) -> dict[str, Text]:
    """The regular files of a tar archive, by path; the archive need not have its end.

    The holes of sparse files (GNU tar, "sparse") would take more memory than the archive, so such files are left out.

    :raises InputError: the data is no tar archive.
    """
    found = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                if member.type in PLAIN and not member.issparse():
                    content = tar.extractfile(member)
                    found[member.name] = Text(content.read() if content else b"", member.mode)
    except (tarfile.TarError, ValueError, OSError, EOFError, OverflowError) as error:
        raise InputError(f"{what} is damaged: {error}") from error
    return found


def _read_at_most(stream: IO[bytes], limit: int) -> bytes:
    """The bytes of a stream to its end, or the first `limit` bytes of them."""
    pieces, left = [], limit
    while left and (piece := stream.read(min(PIECE, left))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def too_large(what: str, limit: int) -> InputError:
    """The error about a file with more than `limit` bytes; `what` names the file."""
    return InputError(f"{what} holds more than {limit >> 20} MiB, which is more than nfsroot unpacks in memory")
