"""The test that a node can read files from its memory while an update is unpacked on the server."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from builder.errors import NfsrootError
from builder.lab.checks.model import Finding
from builder.lab.machine.node import VirtualNode

PLACE = "/run/nfsroot-lab/reading"
FILES = "/usr/bin /usr/lib/systemd"
"""The directories of the root whose files are read: some 40 MB, which fit into a node's memory."""

READER = f"""\
while [ -e {PLACE}/go ]; do
    xargs -0 cat <{PLACE}/files >/dev/null 2>>{PLACE}/errors || echo "cat: $?" >>{PLACE}/errors
    echo >>{PLACE}/rounds
    sleep 1
done
"""
AWAIT = f'until [ "$(wc -l <{PLACE}/rounds)" -ge "$enough" ]; do sleep 0.5; done\n'
BEGIN = f"""\
mkdir -p {PLACE} && cd {PLACE} && rm -f errors rounds && : >go && : >errors && : >rounds
find {FILES} -xdev -type f -print0 >files
setsid sh -c {shlex.quote(READER)} >/dev/null 2>&1 </dev/null &
enough=2
{AWAIT}"""
AWAIT_MORE = f"enough=$(($(wc -l <{PLACE}/rounds) + 2))\n{AWAIT}"
"""Waits until all files have been read at least once more, from the first to the last."""

LOOK = f"""\
awk '$1 == "bytes:" {{ bytes += $6 }} END {{ print "received", bytes + 0 }}' /proc/self/mountstats
echo rounds $(wc -l <{PLACE}/rounds)
echo errors $(wc -l <{PLACE}/errors)
echo size $(xargs -0 stat --format=%s <{PLACE}/files | awk '{{ size += $1 }} END {{ print size + 0 }}')
"""
"""Prints ReadCounts.

The sixth word of a line "bytes:" is the number of bytes that NFS read from the server for a mount (Linux,
include/linux/nfs_iostat.h).
"""

SHARE = 0.1
"""The share of the files' size that a node may receive for other programs; if it dropped pages, it receives more."""


@dataclass(frozen=True)
class ReadCounts:
    """The counts of the reader so far: bytes received from the server, rounds, errors; and the size of the files."""

    received: int
    rounds: int
    errors: int
    size: int


def begin_reading(virtual: VirtualNode) -> ReadCounts:
    """Start the reader on the node, and give its counts after the first rounds, which fill the node's memory."""
    return _read_counts(virtual, BEGIN)


def end_reading(virtual: VirtualNode) -> ReadCounts:
    """Wait until the reader has read all files once more, stop it, and give its counts."""
    look = _read_counts(virtual, AWAIT_MORE)
    virtual.ask(f"rm {PLACE}/go")
    return look


def judge_reading(node: str, before: ReadCounts, after: ReadCounts) -> Finding:
    """Check that the node went on reading without an error, and from its memory.

    Before, the node must have received as many bytes as the files have, which shows that its count works.
    """
    rounds, received = after.rounds - before.rounds, after.received - before.received
    saw = f"{node} read {after.size / 1e6:.1f} MB {rounds} times, for which the server sent {received / 1e6:.2f} MB"
    problems = [f"{after.errors} errors"] if after.errors else []
    problems += [f"{saw}: pages were dropped"] if received > SHARE * after.size else []
    if before.received < before.size:
        problems.append(f"the node counts {before.received} bytes from the server, and has read {before.size}")
    problems += ["the node stopped reading"] if rounds < 2 or not after.size else []
    return Finding(saw, tuple(f"{node}: {problem}" for problem in problems))


def parse_counts(text: str) -> ReadCounts:
    """Parse the output of LOOK; raises NfsrootError when the output is something else."""
    try:
        found = {name: int(number) for name, number in map(str.split, text.splitlines())}
        return ReadCounts(**found)
    except (ValueError, TypeError) as error:
        raise NfsrootError("the node's answer has no counts of what it has read", details=text) from error


def _read_counts(virtual: VirtualNode, first: str) -> ReadCounts:
    return parse_counts(virtual.ask(f"{first}\n{LOOK}").text)
