"""Extended attributes of a tree: file capabilities, and those of users (xattr(7)).

The list of a tree does not have them.  A record keeps the attributes that the root tarball brought, so that changed
ones are noticed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from builder.errors import NfsrootError
from builder.store.tree_check import Difference
from builder.store.tree_entries import Entry

FILE = "attributes.json"
KEPT = ("security.capability", "user.")
"""Prefixes of the attributes that come from a release; others, such as labels, are the server's own."""

Attributes = Mapping[str, Mapping[str, str]]
"""The attributes of each path that has any: by name, in hexadecimal digits."""


def read_attributes(tree: Path, entries: Iterable[Entry]) -> dict[str, dict[str, str]]:
    """The attributes of the files and directories of a tree, by path; missing files have none."""
    found = {}
    for entry in entries:
        path = f"{tree}/{entry.path}"
        if entry.kind in "fd" and (names := _names(path)):
            found[entry.path] = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
    return found


def write(directory: Path, attributes: Attributes) -> None:
    """Write attributes into the directory of a record that is being made."""
    (directory / FILE).write_text(json.dumps(attributes, indent=1) + "\n", encoding="utf-8")


def read(directory: Path) -> dict[str, dict[str, str]]:
    """The attributes that a record keeps.

    :raises NfsrootError: the record cannot be read.
    """
    try:
        table = json.loads((directory / FILE).read_bytes())
        return {str(path): {str(name): str(value) for name, value in own.items()} for path, own in table.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise NfsrootError(f"{directory / FILE} cannot be read: {error!r}") from error


def compare(kept: Attributes, found: Attributes, entries: Mapping[str, Entry]) -> Iterator[Difference]:
    """Yield each path whose attributes differ from those that the record keeps."""
    for path in sorted({*kept, *found} & entries.keys()):
        if kept.get(path, {}) != found.get(path, {}):
            yield Difference(entries[path].written, "other extended attributes", path)


def _names(path: str) -> list[str]:
    try:
        return [name for name in os.listxattr(path, follow_symlinks=False) if name.startswith(KEPT)]
    except (FileNotFoundError, NotADirectoryError):
        return []
