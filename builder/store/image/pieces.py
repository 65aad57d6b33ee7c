"""Cuts a root tarball into pieces, each a tar archive of its own that can be a layer of an image."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.errors import InputError
from builder.packing.tree_list import FILE as TREE_LIST
from builder.release.manifest import Part, ReleasedFile
from builder.store.image.frames import ZstdError, decompress
from builder.store.image.walk import NotTarError, TarWalk
from builder.store.storage.interface import FileSlice

WHITEOUT = ".wh."
"""The beginning of the names of files that hide others in an image ("Whiteouts" in the OCI image specification)."""
PACKAGE = 8
"""The column of a tree's list that names the package of a path."""


@dataclass(frozen=True)
class Slice:
    """A part of the root tarball: its offset in the file, and the SHA-256 of its content without compression."""

    part: Part
    start: int
    plain_sha256: str


@dataclass(frozen=True)
class Piece:
    """Parts of the root tarball, one after the other, that are a tar archive of their own.

    `package` is the Debian package that all files in it belong to; empty where there is no such package.
    """

    slices: tuple[Slice, ...]
    package: str

    @property
    def size(self) -> int:
        """The size of the parts in bytes."""
        return sum(each.part.size for each in self.slices)


@dataclass(frozen=True)
class _Walked:
    """A part of the archive: the paths and the targets of hard links in it, and whether it ends with a whole member."""

    slice: Slice
    paths: list[str]
    targets: list[str]
    is_whole: bool


def cut(release: Path, root: ReleasedFile) -> list[Piece]:
    """The pieces of the root tarball `root`, in its order, each as small as it can be.

    Parts stay together where a file's header is in another part than its content, and where a hard link is in another
    part than the file: a layer is unpacked without the layers below it.

    :raises InputError: the root tarball cannot be read, or holds a file that no image can hold.
    """
    file = release / root.path
    try:
        walked = _walk(file, root.parts)
        packages = _read_packages(release)
    except (ZstdError, NotTarError) as error:
        raise InputError(f"{file} is damaged: {error}", resolution="Build the release again.") from error
    except OSError as error:
        raise InputError(f"{error.filename or file} cannot be read: {error.strerror}") from error
    cuts = _find_cuts(walked)
    runs = [walked[start:end] for start, end in zip([0, *cuts], [*cuts, len(walked)], strict=True)]
    return [Piece(tuple(each.slice for each in run), _find_package(run, packages)) for run in runs]


def _walk(file: Path, parts: Sequence[Part]) -> list[_Walked]:
    walk, walked, start = TarWalk(), [], 0
    for part in parts:
        hashed = hashlib.sha256()
        for piece in decompress(FileSlice(file, start, part.size).pieces()):
            hashed.update(piece)
            walk.feed(piece)
        paths, targets = walk.take()
        for path in paths:
            if path.rpartition("/")[2].startswith(WHITEOUT):
                raise InputError(f"{path} has a name that hides other files in an image: the tree cannot be one")
        walked.append(_Walked(Slice(part, start, hashed.hexdigest()), paths, targets, walk.is_between_members))
        start += part.size
    if walked and not walked[-1].is_whole:
        raise NotTarError("its last member is cut off")
    return walked


def _find_cuts(walked: Sequence[_Walked]) -> list[int]:
    """The numbers of the parts that begin a piece, except the first part."""
    cuts = {number for number in range(1, len(walked)) if walked[number - 1].is_whole}
    where = {path: number for number, each in enumerate(walked) for path in each.paths}
    for number, each in enumerate(walked):
        for target in each.targets:
            other = where.get(target, 0)
            cuts -= set(range(min(number, other) + 1, max(number, other) + 1))
    return sorted(cuts)


def _find_package(run: Sequence[_Walked], packages: Mapping[str, str]) -> str:
    found = {packages.get(path, "") for each in run for path in each.paths}
    return found.pop() if len(found) == 1 else ""


def _read_packages(release: Path) -> dict[str, str]:
    """The package of each path of the tree's list that has one; paths that the list quotes may be missing."""
    file = release / TREE_LIST
    if not file.exists():  # releases of schema 1 have no list
        return {}
    text = b"".join(decompress(FileSlice(file, 0, file.stat().st_size).pieces())).decode(errors="surrogateescape")
    rows = (line.split("\t") for line in text.splitlines()[1:])
    return {row[0]: row[PACKAGE] for row in rows if len(row) > PACKAGE and row[PACKAGE]}
