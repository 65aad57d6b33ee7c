"""An index of package lists, made up."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from builder.debian import archive, index


def write_index(directory: Path, packages: Iterable[str]) -> None:
    """Write lists of these packages and of apt, and their index, into the directory of an archive's state."""
    write_lists(directory, "\n".join(f"Package: {name}\nVersion: 1\n" for name in {*packages, "apt"}))


def write_lists(directory: Path, stanzas: str) -> None:
    """Write a list, and its index, into the directory of an archive's state."""
    lists = directory / "lists"
    lists.mkdir(exist_ok=True)
    (lists / "mirror_Packages").write_text(stanzas)
    (directory / archive.INDEX).unlink(missing_ok=True)
    index.make(lists, directory / archive.INDEX)
