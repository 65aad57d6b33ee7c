from __future__ import annotations

import subprocess

import pytest

from builder.errors import NfsrootError
from builder.lab.story import reading
from builder.lab.story.reading import ReadCounts, judge_reading, parse_counts

BEFORE = ReadCounts(received=40_000_000, rounds=2, errors=0, size=30_000_000)


@pytest.mark.parametrize(
    ("after", "problem"),
    [
        (ReadCounts(40_100_000, 9, 0, 30_000_000), ""),
        (ReadCounts(70_100_000, 9, 0, 30_000_000), "pages were dropped"),
        (ReadCounts(40_100_000, 9, 3, 30_000_000), "3 errors"),
        (ReadCounts(40_100_000, 3, 0, 30_000_000), "the node stopped reading"),
        (ReadCounts(40_000_000, 9, 0, 0), "the node stopped reading"),
    ],
    ids=["out of memory", "all again", "errors", "stopped", "nothing to read"],
)
def test_judge(after: ReadCounts, problem: str) -> None:
    """A node has to read on, without an error, out of its memory."""
    problems = judge_reading("ssi1", BEFORE, after).problems
    assert (problems == ()) if not problem else any(problem in each for each in problems)


def test_count_that_counts_nothing() -> None:
    """A node that read all files, and has no count of what came, shows nothing."""
    nothing = ReadCounts(received=0, rounds=2, errors=0, size=30_000_000)
    (problem,) = judge_reading("ssi1", nothing, ReadCounts(0, 9, 0, 30_000_000)).problems
    assert "the node counts 0 bytes from the server" in problem


def test_parse() -> None:
    """What a node says is read by its names; anything else is an error that shows it."""
    assert parse_counts("received 4\nrounds 3\nerrors 0\nsize 12") == ReadCounts(4, 3, 0, 12)
    with pytest.raises(NfsrootError, match="no counts"):
        parse_counts("sh: awk: not found")


def test_scripts_are_shell() -> None:
    """sh(1) accepts what nodes are told."""
    for script in (reading.BEGIN, reading.AWAIT_MORE, reading.LOOK, reading.READER):
        subprocess.run(["sh", "-n", "-c", script], check=True)


def test_look_reads_mountstats() -> None:
    """The bytes of every mount that came from its server are added up (mountstats of Linux 6.12)."""
    counted = (
        "device rootfs mounted on / with fstype rootfs\n"
        "device 192.168.0.1:/a mounted on / with fstype nfs statvers=1.1\n\tbytes:\t1 2 3 4 500 6 7 8\n"
        "device 192.168.0.1:/b mounted on /b with fstype nfs statvers=1.1\n\tbytes:\t1 2 3 4 11 6 7 8\n"
    )
    script = next(line for line in reading.LOOK.splitlines() if "mountstats" in line).rpartition(" ")[0]
    done = subprocess.run(["sh", "-c", script], input=counted, capture_output=True, text=True, check=True)
    assert done.stdout == "received 511\n"
