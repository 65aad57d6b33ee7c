"""Writes the overlay's lines in tree.tsv.zst, the list of a release's tree.

The element debian-root writes the other lines while it packs the tree; docs/reference/tree-list.md describes the
columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from builder.packing.archive import Part
from builder.rendered_files import RenderedFile

FILE = "tree.tsv.zst"


def describe(files: Iterable[RenderedFile], directories: Iterable[str]) -> bytes:
    """The lines of the overlay's files, and of the directories that come with them, in the order of paths.

    The overlay's paths and links are constants, and none of them has to be quoted.
    """
    rows = [*files, *(RenderedFile(path, mode=0o755, directory=True) for path in directories)]
    return b"".join(_line(file).encode() for file in sorted(rows, key=lambda file: file.path))


def _line(file: RenderedFile) -> str:
    if file.directory:
        kind, mode, last = "d", file.mode, ("", "", "")
    elif file.link:
        kind, mode, last = "l", 0o777, ("", "", file.link)
    else:
        kind, mode, last = "f", file.mode, (str(len(file.content)), hashlib.sha256(file.content).hexdigest(), "")
    return "\t".join((file.path, kind, f"{mode:04o}", "0", str(file.gid), *last, "")) + "\n"


def read_parts(tsv: Path) -> tuple[Part, ...]:
    """The parts that a parts.tsv names: SHA-256 and size, tab-separated."""
    rows = (line.split("\t") for line in tsv.read_text(encoding="utf-8").splitlines())
    return tuple(Part(digest, int(size)) for digest, size in rows)
