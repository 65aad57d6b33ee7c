"""Root tarballs, read without unpacking them."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Member:
    """One entry of a tar archive.  `link` is a link's target, `digest` SHA-256 of a regular file's content."""

    type: bytes
    mode: int
    uid: int
    gid: int
    mtime: float
    link: str
    digest: str


def root_tarball(release: Path) -> Path:
    """A release's root tarball."""
    (found,) = release.glob("*-root.tar.zst")
    return found


def read(tarball: Path, path: str) -> bytes:
    """The content of a file in a zstd-compressed tar archive."""
    argv = ["tar", "--zstd", "--extract", "--to-stdout", f"--file={tarball}", path]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def members(tarball: Path) -> list[tuple[str, Member]]:
    """Every entry of a zstd-compressed tar archive with its path, in the archive's order."""
    with (
        subprocess.Popen(["zstd", "--decompress", "--stdout", tarball], stdout=subprocess.PIPE) as zstd,
        tarfile.open(fileobj=zstd.stdout, mode="r|") as archive,
    ):
        return [(info.name, _member(archive, info)) for info in archive]


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    content = archive.extractfile(info) if info.isreg() else None
    digest = hashlib.sha256(content.read()).hexdigest() if content else ""
    return Member(info.type, info.mode, info.uid, info.gid, info.mtime, info.linkname, digest)
