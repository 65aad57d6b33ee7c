"""Decides which releases of a recipe stay on the server, each with the reasons that keep it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.site.clock import Clock, wall_time
from builder.site.history import left_menus
from builder.site.journal import Entry
from builder.site.nodes import fold
from builder.site.reads import Count, Reads
from builder.site.records import Record
from builder.site.selection import node_names
from builder.site.sightings import Sighting
from builder.site.state import Serving


@dataclass(frozen=True)
class Retention:
    """The release `version`, and the reasons in words that keep it on the server; without reasons it is removed."""

    version: str
    reasons: tuple[str, ...]


NO_READS = Reads("")


@dataclass(frozen=True)
class Knowledge:
    """All that is known of the use of a recipe's releases: the journal, and the last sighting of each node.

    `unread` has a sentence for each source of traces that cannot be read.  `reads` are bytes that were read from
    exports, and `read_from` the last count of each release, by name and version.
    """

    entries: Sequence[Entry]
    sightings: Mapping[str, Sighting]
    clock: Clock
    unread: tuple[str, ...] = ()
    reads: Reads = NO_READS
    read_from: Mapping[tuple[str, str], Count] = field(default_factory=dict)


def decide_retention(
    name: str, serving: Serving, versions: Mapping[str, Record], known: Knowledge, keep: int, grace: int
) -> tuple[Retention, ...]:
    """The reasons that keep each of a recipe's releases, the one that was unpacked last first.

    `keep` is the number of releases that stay in any case, those that were unpacked last.  `grace` is the time in
    seconds for which a release stays after it was unpacked, after nodes stopped to boot it, and after a report.
    """
    newest = list(versions)[:keep]
    return tuple(
        Retention(
            version,
            (
                *_menu_reasons(version, serving, versions),
                *([f"it is one of the {keep} that were unpacked last"] if version in newest else []),
                *_use_reasons(name, record, known, grace),
            ),
        )
        for version, record in versions.items()
    )


def _menu_reasons(version: str, serving: Serving, versions: Mapping[str, Record]) -> Iterator[str]:
    nodes = node_names(versions[serving.version]) if serving.version in versions else ()
    boot = [node for node in nodes if serving.version_of(node) == version]
    fall_back = [node for node in nodes if serving.earlier_version_of(node) == version]
    if boot:
        yield f"{fold(boot)} {'boots' if len(boot) == 1 else 'boot'} it"
    if fall_back:
        yield f"{fold(fall_back)} {'falls' if len(fall_back) == 1 else 'fall'} back to it"
    if version == serving.before and not fall_back:
        yield "it is the version before"


def _use_reasons(name: str, record: Record, known: Knowledge, grace: int) -> Iterator[str]:
    since = known.clock.now - grace
    left = left_menus(known.entries, name, record.version)
    if left is not None and left > since:
        yield f"nodes booted it until {wall_time(left)}"
    if record.origin.unpacked > since:
        yield f"it was unpacked on {wall_time(record.origin.unpacked)}"
    for node, seen in known.sightings.items():
        if (seen.name, seen.version) == (name, record.version) and (seen.seen is None or seen.seen > since):
            yield describe_sighting(node, seen)
    count = known.read_from.get((name, record.version))
    if count is not None and count.seen > since:
        yield f"{count.client} read {count.count:,} bytes of it, the last of them before {wall_time(count.seen)}"


def describe_sighting(node: str, sighting: Sighting) -> str:
    """A sighting in words: how and when a node was seen with a release."""
    when = "nobody knows when" if sighting.seen is None else f"on {wall_time(sighting.seen)}"
    return f"{node} {sighting.evidence} ({sighting.version}, {when})"
