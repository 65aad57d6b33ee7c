"""Bytes that were read from an export keep its release, as long as their number grew within the time of grace."""

from __future__ import annotations

from pathlib import Path

import pytest
from unpacked_site import unpack

from builder.recipe.models import Recipe
from builder.site import reads
from builder.site.clock import Clock, wall_time
from builder.site.places import Places
from builder.site.reads import Count, Reads, parse_export_stats
from builder.site.retention import Knowledge, decide_retention
from builder.site.state import Serving

NAME = "debian-nfsroot"
ROOT = "/NFSROOT/debian-nfsroot/1.0"
NOW = 1_000_000.0
DAY, WEEK = 86400, 7 * 86400

HEAD = "# Version 1.1\n# Path Client Start-time\n#\tStats\n"


def stats(count: int, path: str = ROOT, start: int = 77, client: str = "192.168.0.0/24") -> str:
    """An export in the kernel's words."""
    return f"{path}\t{client}\t{start}\n\tfh_stale: 3\n\tio_read: {count}\n\tio_write: 12\n\n"


def at(days: float, boot_id: str = "boot-a") -> Clock:
    """A clock some days after NOW."""
    return Clock(NOW + days * DAY, boot_id, 5.0)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A site without any count."""
    return Places(tmp_path)


def look(places: Places, text: str, clock: Clock) -> dict[str, float]:
    """Read and keep counts as `prune` does it; the time at which each export's count was seen first."""
    file = places.root / "export_stats"
    file.write_text(text)
    found = reads.read(places, clock, file)
    reads.keep(places, found)
    return {count.path: (count.seen - NOW) / DAY for count in found.counts}


def test_the_kernels_words_are_understood() -> None:
    """Exports without a read byte are left out; a path has blanks and the like in octal digits."""
    text = HEAD + stats(5) + stats(0, "/NFSROOT/other/1") + stats(9, "/NFSROOT/a\\040b", -4, "*")
    assert parse_export_stats(text.splitlines()) == [
        Count(ROOT, "192.168.0.0/24", 77, 5),
        Count("/NFSROOT/a b", "*", -4, 9),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEAD,
        "\tio_read: 7\n",
        f"{ROOT}\t192.168.0.0/24(ro)\n\tio_read: 7\n",
        f"{ROOT}\t192.168.0.0/24\t77\n\tio_read: many\n",
        f"{ROOT}\t192.168.0.0/24\t77\n#\n\tio_read: 7\n",
        "relative\tx\t1\n\tio_read: 7\n",
    ],
)
def test_other_words_are_no_evidence(text: str) -> None:
    """A kernel that writes something else leads nobody astray."""
    assert parse_export_stats(text.splitlines()) == []


def test_a_number_that_stays_was_seen_first_long_ago(places: Places) -> None:
    """As long as it neither grows nor begins anew; another boot of the server begins anew."""
    assert look(places, HEAD + stats(5), at(0)) == {ROOT: 0}
    assert look(places, HEAD + stats(5), at(3)) == {ROOT: 0}
    assert look(places, HEAD + stats(6), at(4)) == {ROOT: 4}
    assert look(places, HEAD + stats(6, start=99), at(5)) == {ROOT: 5}
    assert look(places, HEAD + stats(6, start=99), at(6, "boot-b")) == {ROOT: 6}
    assert look(places, HEAD + stats(6, start=99), at(2, "boot-b")) == {ROOT: 2}, "a wall clock that was set back"


def test_what_was_kept_and_is_damaged_counts_for_nothing(places: Places) -> None:
    """Then the count is as if it were seen for the first time, which keeps the release."""
    look(places, HEAD + stats(5), at(0))
    places.reads.write_text('{"boot_id": "boot-a", "counts": [[1]]}')
    assert look(places, HEAD + stats(5), at(3)) == {ROOT: 3}


def test_a_server_without_counts(places: Places) -> None:
    """ganesha serves, or the kernel is an old one: nothing is evidence, and that is said; what was kept stays."""
    look(places, HEAD + stats(5), at(0))
    found = reads.read(places, at(1), places.root / "none")
    assert (found.absent, found.counts) == (True, ())
    reads.keep(places, found)
    assert look(places, HEAD + stats(5), at(3)) == {ROOT: 0}
    assert reads.read(Places(places.root), at(1)) == Reads("boot-a"), "the kernel exports nothing below another root"


def test_read_bytes_keep_a_release(places: Places, debian: Recipe) -> None:
    """Until grace is over since the last one was counted."""
    versions = {version: unpack(places, debian, version, number) for number, version in ((2, "1.1"), (1, "1.0"))}
    counted = Reads("boot-a", (Count(ROOT, "192.168.0.0/24", 77, 1_234_567, NOW - 2 * DAY),))
    of = counted.of_releases({ROOT: (NAME, "1.0"), "/NFSROOT/debian-nfsroot/1.1": (NAME, "1.1")})
    known = Knowledge((), {}, at(0), reads=counted, read_from=of)
    kept, gone = (
        {each.version: each.reasons for each in decide_retention(NAME, Serving(), versions, known, 1, grace)}
        for grace in (WEEK, DAY)
    )
    words = f"192.168.0.0/24 read 1,234,567 bytes of it, the last of them before {wall_time(NOW - 2 * DAY)}"
    assert kept["1.0"] == (words,)
    assert gone["1.0"] == ()
