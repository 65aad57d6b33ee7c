"""Reads the list that tar(1) gives of an archive (`tar -vv --full-time --quoting-style=escape`, TZ=UTC0, LC_ALL=C)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

MEMBER = re.compile(
    rb"(?P<kind>[-hldcbpCV])[-rwxsStT]{9}(?P<more>[.+*]?) +\S+/\S+ +\d+(?:,\d+)? "
    rb"(?P<time>\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d)(?P<fraction>\.\d{1,9})? (?P<name>.*)",
    re.DOTALL,
)
ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
LETTERS = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
LINK_TO = b" link to "


class Member(NamedTuple):
    """A member of an archive.

    `path` is decoded by os.fsdecode, without a slash at its end; the path of a symbolic link is followed by ` -> ` and
    the link's target.  `kind` is tar's letter: `-` file, `d` directory, `h` a second name of a file.  `nanoseconds` is
    the member's time since 1970 (UTC).  `has_attributes` says that the member has extended attributes, such as
    capabilities.
    """

    path: str
    kind: str
    has_attributes: bool
    nanoseconds: int


def read_members(lines: Iterable[bytes]) -> Iterator[Member]:
    """Yield the member of each line; lines that describe none are passed over."""
    for line in lines:
        found = MEMBER.fullmatch(line)
        if found:
            kind, name = found["kind"].decode(), found["name"]
            if kind == "h":
                name = name.partition(LINK_TO)[0]
            yield Member(_path(name), kind, bool(found["more"]), _nanoseconds(found["time"], found["fraction"]))


def _path(name: bytes) -> str:
    if b"\\" in name:
        name = ESCAPE.sub(lambda found: _byte(found[1]), name)
    return os.fsdecode(name.rstrip(b"/"))


def _byte(escaped: bytes) -> bytes:
    return bytes([int(escaped, 8) & 0xFF]) if len(escaped) == 3 else LETTERS.get(escaped, escaped)


@lru_cache(maxsize=1024)  # a package's files mostly have one time
def _nanoseconds(time: bytes, fraction: bytes | None) -> int:
    seconds = int(datetime.fromisoformat(time.decode()).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + (int(fraction[1:].ljust(9, b"0")) if fraction else 0)
