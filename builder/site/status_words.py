"""Words about the status of nodes, which the table, the page and the live view share."""

from __future__ import annotations

import time
from typing import NamedTuple

from builder.difference.printable import escape_unprintable
from builder.site.status import NodeStatus, words_of_changes


class Row(NamedTuple):
    """A line of the table of nodes."""

    node: str
    runs: str
    next_boot: str
    since: str
    evidence: str
    state: str


HEAD = Row("NODE", "RUNS", "NEXT BOOT", "SINCE", "EVIDENCE", "STATE")
UNKNOWN = "?"


def make_row(status: NodeStatus, now: float) -> Row:
    """The line of a node in the table."""
    seen = status.sighting
    return Row(
        node=status.node,
        runs=status.runs or UNKNOWN,
        next_boot=status.next_version or "nothing",
        since=minute(seen.since) if seen else UNKNOWN,
        evidence=evidence_words(status, now),
        state="; ".join(state_words(status)),
    )


def evidence_words(status: NodeStatus, now: float) -> str:
    """A node's last sighting in words: how and how long ago the node was seen."""
    seen = status.sighting
    if seen is None:
        return "never seen"
    return f"{seen.evidence} {age(now - seen.seen)} ago" if seen.seen is not None else seen.evidence


def state_words(status: NodeStatus) -> list[str]:
    """Remarks about a node, the gravest first: difference, trial, failed units, changes at the next boot."""
    words = [f"DIFFERS: {status.differs}"] if status.differs else []
    if status.trial:
        words.append(f"on trial, {status.trial}" if status.trial != "confirmed" else "trial confirmed")
    seen = status.sighting
    if seen and seen.state:
        failed = f": {escape_unprintable(', '.join(seen.failed))} failed" if seen.failed else ""
        words.append(f"{seen.state}{failed}")
    if status.changes_at_boot:
        words.append(f"at its next boot {words_of_changes(status.changes)}")
    return words


def minute(seconds: float | None) -> str:
    """A time in seconds since 1970 (UTC) as text, to the minute, in the time zone of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds is not None else UNKNOWN


def age(seconds: float) -> str:
    """A span of time, roughly: `20 s`, `3 min`, `5 h`, `12 d`."""
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length or (unit == "min" and seconds >= 60):
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
