"""Reads the list that tar(1) gives of an archive (`tar -vv --full-time --quoting-style=escape`, TZ=UTC0, LC_ALL=C)."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from builder.store.tree_entries import Entry

MEMBER = re.compile(
    rb"(?P<kind>[-hldcbpCV])[-rwxsStT]{9}(?P<more>[.+*]?) +\S+/\S+ +\d+(?:,\d+)? "
    rb"(?P<time>\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d)(?P<fraction>\.\d{1,9})? (?P<name>.*)",
    re.DOTALL,
)
ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
BEFORE_TARGET = {"l": " -> ", "h": " link to "}
"""The words between the path of a link and its target, by the kind of the member."""


class Member(NamedTuple):
    """A member of an archive.

    `text` is the path, decoded by os.fsdecode, without a slash at its end; the path of a link is followed by ` -> ` or
    ` link to `, and the link's target.  `kind` is tar's letter: `-` file, `d` directory, `l` symbolic link, `h` second
    name of a file.  `nanoseconds` is the member's time since 1970 (UTC).  `has_attributes` says that the member has
    extended attributes, such as capabilities.
    """

    text: str
    kind: str
    has_attributes: bool
    nanoseconds: int


def read_member(line: bytes) -> Member | None:
    """The member that a line of the list describes; None where it describes none."""
    found = MEMBER.fullmatch(line)
    if found is None:
        return None
    time = _nanoseconds(found["time"], found["fraction"])
    return Member(_text(found["name"]), found["kind"].decode(), bool(found["more"]), time)


def find_entry(member: Member, entries: Mapping[str, Entry], taken: Container[str]) -> Entry | None:
    """The entry in the list of a tree for a member of an archive; None when the list has no such path.

    Paths in `taken` belong to other members.  The path and the target of a link may hold any words, so that the text
    of a link may begin with several paths of the list.  A second name of a file never gets the entry of a directory.
    """
    between, text = BEFORE_TARGET.get(member.kind), member.text
    if between is None:
        entry = entries.get(text)
        return entry if entry and entry.path not in taken else None
    at = text.find(between)
    while at >= 0:
        entry = entries.get(text[:at])
        if entry and entry.path not in taken and (member.kind == "l" or entry.kind == "f"):
            return entry
        at = text.find(between, at + 1)
    return None


def _text(name: bytes) -> str:
    if b"\\" in name:
        name = ESCAPE.sub(lambda found: _byte(found[1]), name)
    return os.fsdecode(name.rstrip(b"/"))


def _byte(escaped: bytes) -> bytes:
    return bytes([int(escaped, 8) & 0xFF]) if len(escaped) == 3 else LETTERS.get(escaped, escaped)


@lru_cache(maxsize=1024)  # a package's files mostly have one time
def _nanoseconds(time: bytes, fraction: bytes | None) -> int:
    seconds = int(datetime.fromisoformat(time.decode()).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + (int(fraction[1:].ljust(9, b"0")) if fraction else 0)
