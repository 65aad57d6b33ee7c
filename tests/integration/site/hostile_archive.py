"""Releases whose root tarball is not what their list says: made, and described by a manifest of their own."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from made_releases import zstd

Change = Callable[[tarfile.TarFile], None]
"""Adds members to an archive."""


def replace_file(release: Path, path: str, content: bytes) -> None:
    """Put another file into a release, of which the manifest tells as its publisher would."""
    (release / path).write_bytes(content)
    manifest = release / "manifest.json"
    document = json.loads(manifest.read_bytes())
    digest = hashlib.sha256(content).hexdigest()
    (file,) = [file for file in document["files"] if file["path"] == path]
    file |= {"size": len(content), "sha256": digest, "parts": [{"sha256": digest, "size": len(content)}]}
    manifest.write_text(json.dumps(document), encoding="utf-8")


def root_of(release: Path) -> Path:
    """The root tarball of a release."""
    (root,) = release.glob("*-root.tar.zst")
    return root


def read_root(release: Path) -> bytes:
    """The root tarball of a release, without compression."""
    return subprocess.run(["zstd", "-dcq", root_of(release)], capture_output=True, check=True).stdout


def add_members(release: Path, change: Change, *, first: bool = False) -> Path:
    """Add members to the root tarball of a release, at its end or at its beginning."""
    added = io.BytesIO()
    with tarfile.open(fileobj=added, mode="w", format=tarfile.GNU_FORMAT) as archive:
        change(archive)
        size = archive.offset
    own = added.getvalue()[:size]
    before = read_root(release)
    with tarfile.open(fileobj=io.BytesIO(before)) as archive:
        archive.getmembers()
        end = archive.offset
    tail = bytes(2 * tarfile.BLOCKSIZE)
    content = own + before[:end] + tail if first else before[:end] + own + tail
    replace_file(release, root_of(release).name, zstd(content))
    return release


def change_member(release: Path, path: str, **changes: object) -> Path:
    """Change a member of the root tarball: its mode, its owner, its content."""

    def change(member: tarfile.TarInfo) -> tarfile.TarInfo:
        if member.name == path:
            for key, value in changes.items():
                setattr(member, key, value)
        return member

    return _copy_members(release, change)


def drop_member(release: Path, path: str) -> Path:
    """Leave a member out of the root tarball."""
    return _copy_members(release, lambda member: None if member.name == path else member)


def _copy_members(release: Path, change: Callable[[tarfile.TarInfo], tarfile.TarInfo | None]) -> Path:
    with tarfile.open(fileobj=io.BytesIO(read_root(release))) as archive:
        members = [(member, archive.extractfile(member) if member.isreg() else None) for member in archive]
        written = io.BytesIO()
        with tarfile.open(fileobj=written, mode="w", format=tarfile.PAX_FORMAT) as copy:
            for member, content in members:
                if changed := change(member):
                    copy.addfile(changed, content)
    replace_file(release, root_of(release).name, zstd(written.getvalue()))
    return release


def member(name: str, kind: bytes = tarfile.REGTYPE, **values: object) -> tarfile.TarInfo:
    """A member with a name that nobody looks at."""
    found = tarfile.TarInfo(name)
    found.type, found.mode = kind, 0o644
    for key, value in values.items():
        setattr(found, key, value)
    return found


def file(name: str, content: bytes = b"evil", mode: int = 0o644) -> Change:
    """Adds a file."""
    return lambda archive: archive.addfile(member(name, size=len(content), mode=mode), io.BytesIO(content))


def several(*changes: Change) -> Change:
    """Adds what several changes add."""

    def change(archive: tarfile.TarFile) -> None:
        for each in changes:
            each(archive)

    return change


def other(name: str, kind: bytes, **values: object) -> Change:
    """Adds a member without content."""
    return lambda archive: archive.addfile(member(name, kind, **values))
