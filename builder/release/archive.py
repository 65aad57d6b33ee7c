"""Deterministic tar fragments, and archives joined from compressed fragments.

A fragment is a tar archive without its end-of-archive blocks, compressed by itself.  Compressed fragments,
joined one after another, decompress to one archive (zstd and gzip both define this: RFC 8878 section 3,
RFC 1952 section 2.2), so what is dear is compressed once and reused byte for byte.
"""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from builder.files import RenderedFile

END_OF_ARCHIVE = bytes(1024)
"""Two 512-byte blocks of zeros end a tar archive (POSIX pax(1))."""


def fragment(files: Iterable[RenderedFile], source_date: int, known: frozenset[str] = frozenset()) -> bytes:
    """A tar fragment of `files`, sorted, with every directory that leads to them and is not among `known`.

    `known` holds paths without leading or trailing slash; `source_date` is every entry's time, in seconds
    since 1970 (UTC).
    """
    entries = {file.path: file for file in files}
    for path in list(entries):
        for parent in list(path.parents)[:-1]:
            if str(parent) not in known:
                entries.setdefault(parent, RenderedFile(parent, mode=0o755, directory=True))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(entries):
            archive.addfile(_info(entries[path], source_date), io.BytesIO(entries[path].content))
        end = archive.offset
    return buffer.getvalue()[:end]


def join(parts: Sequence[Path], target: Path) -> None:
    """Write `parts`, one after another, to `target`."""
    with target.open("wb") as output:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, output, 1 << 20)


def _info(file: RenderedFile, source_date: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(str(file.path))
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
