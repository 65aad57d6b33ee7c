"""Bytes that nodes read from the exports of releases, as the kernel's NFS server counts them.

/proc/fs/nfsd/export_stats has a count for each export and client (Linux, fs/nfsd/export.c).  The counts say nothing of
the time: the site keeps those that it saw, each with the time at which it saw the count first.  A count that has grown
since then has been read from since then.  The kernel begins anew whenever it reads its exports again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder.site import state as states
from builder.site.clock import Clock
from builder.site.places import Places
from builder.site.sightings import find_release

EXPORT_STATS = Path("/proc/fs/nfsd/export_stats")

_ESCAPE = re.compile(r"\\([0-7]{3})")
_EXPORT = re.compile(r"(?P<path>/\S*)\t(?P<client>\S+)\t(?P<start>-?\d+)")
_READ = re.compile(r"\tio_read: (?P<count>\d+)")


@dataclass(frozen=True)
class Count:
    """The bytes that a client (mostly a whole network) read from the exported directory `path`.

    The kernel counts since `start`, in seconds of a clock that begins with the machine.  `seen` is when the site saw
    this number of bytes first, in seconds since 1970 (UTC).
    """

    path: str
    client: str
    start: int
    count: int
    seen: float = 0.0


@dataclass(frozen=True)
class Reads:
    """The counts of all exports from which bytes were read, and the server's boot of which they are.

    `absent` says that this server has no such counts.
    """

    boot_id: str
    counts: tuple[Count, ...] = ()
    absent: bool = False

    def of_releases(self, releases: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], Count]:
        """The count that was seen last of each release; `releases` has name and version by exported directories."""
        found: dict[tuple[str, str], Count] = {}
        for count in self.counts:
            release = find_release(count.path, releases)
            if release and (release not in found or found[release].seen < count.seen):
                found[release] = count
        return found


def read(places: Places, clock: Clock, file: Path = EXPORT_STATS) -> Reads:
    """The counts of this machine's exports, with the times at which they were seen first.

    Below another root than / there are none, for the running kernel exports nothing there.

    :raises OSError: the file is there, and cannot be read.
    """
    if places.root != Path("/") and file == EXPORT_STATS:
        return Reads(clock.boot_id)
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return Reads(clock.boot_id, absent=True)
    known = _read_kept(places, clock.boot_id)
    counts = []
    for count in parse_export_stats(text.splitlines()):
        before = known.get((count.path, count.client))
        is_known = before is not None and (before.start, before.count) == (count.start, count.count)
        seen = before.seen if before is not None and is_known else clock.now
        counts.append(Count(count.path, count.client, count.start, count.count, min(seen, clock.now)))
    return Reads(clock.boot_id, tuple(counts))


def parse_export_stats(lines: Iterable[str]) -> list[Count]:
    """The exports from which bytes were read; lines of another form are passed over."""
    counts = []
    export: re.Match[str] | None = None
    for line in lines:
        if (found := _READ.fullmatch(line)) and export and int(found["count"]):
            path = _ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), export["path"])
            counts.append(Count(path, export["client"], int(export["start"]), int(found["count"])))
        elif not line.startswith("\t"):
            export = _EXPORT.fullmatch(line)
    return counts


def keep(places: Places, reads: Reads) -> None:
    """Keep counts, and the times at which they were seen first; the caller holds the lock of the site."""
    if not reads.absent:
        rows = [[each.path, each.client, each.start, each.count, each.seen] for each in reads.counts]
        states.replace_file(places.reads, {"boot_id": reads.boot_id, "counts": rows})


def _read_kept(places: Places, boot_id: str) -> dict[tuple[str, str], Count]:
    """The counts that were kept during this boot of the server; a file that cannot be read has none."""
    try:
        table = json.loads(places.reads.read_bytes())
        rows = table["counts"] if table["boot_id"] == boot_id else []
        return {
            (str(path), str(client)): Count(str(path), str(client), int(start), int(count), float(seen))
            for path, client, start, count, seen in rows
        }
    except (OSError, ValueError, LookupError, TypeError):
        return {}
