"""Packages that are kept for later builds, each under the SHA-256 that the archive's lists give for it.

A package is kept without compression, so the kept file has another digest, which stands in a file beside it.  The names
of both files begin with the SHA-256 of the archive's file, so that packages of one name and version from two mirrors
stand side by side.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DOWNLOADED, NEW = Path("/input/packages"), Path("/output/packages")
"""The directory of packages that were downloaded before, and the directory for those that this job downloads."""
MAGIC, HEADER = b"!<arch>\n", 60
MEMBER = "{name:<16}{time:<12}{uid:<6}{gid:<6}{mode:<8}{size:<10}`\n"


def find(sha256: str) -> Path | None:
    """The file of the package with this SHA-256, if it is kept; a package that this job has downloaded comes first."""
    for directory in (NEW, DOWNLOADED):
        deb = directory / f"{sha256}.deb"
        if deb.exists() and digest_file(deb).exists():
            return deb
    return None


def put(deb: Path, sha256: str) -> None:
    """Keep a downloaded package.

    :raises OSError: the file is not the one that the archive's lists describe.
    """
    if digest(deb) != sha256:
        raise OSError(0, f"not the package that the archive's lists describe (SHA-256 {sha256})", deb.name)
    NEW.mkdir(exist_ok=True)
    kept = NEW / f"{sha256}.deb"
    uncompress(deb, kept)
    digest_file(kept).write_text(digest(kept))


def damaged(debs: Collection[Path]) -> list[Path]:
    """The files among `debs` whose content does not match their digest files."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return [deb for deb, sound in zip(debs, threads.map(_is_sound, debs), strict=True) if not sound]


def _is_sound(deb: Path) -> bool:
    return digest(deb) == digest_file(deb).read_text()


def digest_file(deb: Path) -> Path:
    """The path of the file with the SHA-256 of a kept package, in hexadecimal digits."""
    return deb.with_suffix(".sha256")


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def uncompress(deb: Path, target: Path) -> None:
    """Write a copy of a package (deb(5), ar(5)) in which the two members are uncompressed tar archives."""
    with target.open("wb") as file:
        file.write(MAGIC)
        file.write(_header("debian-binary", 4) + b"2.0\n")
        for name, option in (("control.tar", "--ctrl-tarfile"), ("data.tar", "--fsys-tarfile")):
            begin = file.seek(HEADER, os.SEEK_CUR)
            command = ["dpkg-deb", option, deb]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as plain:
                assert plain.stdout
                shutil.copyfileobj(plain.stdout, file)
            if plain.returncode != 0:
                raise subprocess.CalledProcessError(plain.returncode, command)
            end = file.tell()
            file.seek(begin - HEADER)
            file.write(_header(name, end - begin))
            file.seek(end)
            file.write(b"\n" * ((end - begin) % 2))


def _header(name: str, size: int) -> bytes:
    return MEMBER.format(name=name, time=0, uid=0, gid=0, mode=100644, size=size).encode()
