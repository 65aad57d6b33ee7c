"""The list of a tree, which describes each path in a line.  docs/reference/tree-list.md describes the columns."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from parts import Entries, Entry

COLUMNS = (b"path", b"type", b"mode", b"owner", b"group", b"size", b"sha256", b"target", b"package")
DEVICES = (b"b", b"c")
ODD = re.compile(rb"[\x00-\x1f\x7f-\xff\\]")
"""The bytes of names that may need quoting."""


def describe(tree: Path, found: Entries, digests: Mapping[bytes, bytes], owners: Mapping[bytes, bytes]) -> bytes:
    """The list of the paths `found` in `tree`: columns separated by tabs, in the order of the paths' bytes.

    `digests` has the SHA-256 of each file, by at least one of its names; `owners` has packages by path.
    """
    contents = {found[path].inode: digest for path, digest in digests.items() if path in found}
    lines = [b"\t".join(COLUMNS)]
    for path, entry in sorted(found.items()):
        kind, mode = entry.kind, entry.mode.zfill(4)
        if kind == b"f":
            last = b"%d\t%s\t\t%s" % (entry.size, contents[entry.inode], owners.get(path, b""))
        else:
            last = b"\t\t%s\t%s" % (lead(tree, path, entry), b"" if kind == b"d" else owners.get(path, b""))
        lines.append(b"\t".join((quote(path), kind, mode, entry.owner, entry.group, last)))
    return b"\n".join((*lines, b""))


def lead(tree: Path, path: bytes, entry: Entry) -> bytes:
    """The target of a symbolic link, or the numbers of a device, `MAJOR:MINOR`."""
    if entry.kind not in DEVICES:
        return quote(entry.target)
    device = os.lstat(os.path.join(os.fsencode(tree), path)).st_rdev  # noqa: PTH118  (bytes)
    return b"%d:%d" % (os.major(device), os.minor(device))


def quote(name: bytes) -> bytes:
    r"""The name as a field of a line: `\\` for a backslash, and `\xHH` for bytes that are no printable UTF-8 text."""
    if not ODD.search(name):
        return name
    text = name.decode("utf-8", "surrogateescape")
    return "".join(map(_quote_character, text)).encode()


def _quote_character(character: str) -> str:
    if character == "\\":
        return r"\\"
    if "\udc80" <= character <= "\udcff":  # a byte that is no UTF-8
        return rf"\x{ord(character) - 0xDC00:02x}"
    return rf"\x{ord(character):02x}" if character < " " or character == "\x7f" else character
