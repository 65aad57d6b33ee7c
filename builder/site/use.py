"""Gathers what shows whether nodes use a recipe's releases: the site's journal, and when each node was last seen."""

from __future__ import annotations

from builder.site import evidence, reads
from builder.site.clock import Clock, read_clock
from builder.site.journal import read_entries
from builder.site.places import Places
from builder.site.reads import Reads
from builder.site.reports import read_reports
from builder.site.retention import Knowledge
from builder.site.selection import Records
from builder.site.sightings import find_sightings, release_directories


def gather(places: Places, records: Records, name: str) -> Knowledge:
    """The knowledge of the use of a recipe's releases, for the nodes of all of them.

    Traces of other recipes' releases count, too: a node that boots another recipe now has left this one.
    """
    clock = read_clock()
    nodes = [node for record in records.get(name, {}).values() for node in record.settings.nodes]
    reports = read_reports(places, {node.name: node.address for node in nodes}).by_node
    found = evidence.collect(places, clock.now)
    directories = release_directories(record for versions in records.values() for record in versions.values())
    sightings = find_sightings(reports, found.traces, {str(node.address): node.name for node in nodes}, directories)
    counted, unread = _read_counts(places, clock)
    return Knowledge(
        read_entries(places), sightings, clock, (*found.unread, *unread), counted, counted.of_releases(directories)
    )


def _read_counts(places: Places, clock: Clock) -> tuple[Reads, tuple[str, ...]]:
    """The bytes that were read from exports, and a sentence when nobody can tell."""
    try:
        return reads.read(places, clock), ()
    except OSError as error:
        return Reads(clock.boot_id), (f"{reads.EXPORT_STATS} cannot be read: {error.strerror or error}",)
