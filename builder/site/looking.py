"""Finds the status of a site's nodes from the site's state and journal, and from the nodes' reports and traces."""

from __future__ import annotations

import time
from ipaddress import IPv4Address

from builder.errors import InputError
from builder.site import evidence, journal, state, withdrawn
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.reports import read_reports
from builder.site.selection import Records
from builder.site.sightings import find_sightings, release_directories
from builder.site.status import SiteStatus, find_changes, find_node_status, find_problems


def look(places: Places, name: str | None = None) -> SiteStatus:
    """The status of the nodes of a recipe, or of all.

    :raises InputError: the recipe has no release here.
    """
    records, now = read_records(places), state.read(places.state)
    names = sorted({*records, *now.recipes})
    if name is not None and name not in names:
        raise InputError(
            f"{name} has no release on this server", resolution=f"There is {', '.join(names) or 'none unpacked yet'}."
        )
    addresses = _addresses(records)
    reports = read_reports(places, addresses)
    found = evidence.collect(places, time.time())
    directories = release_directories(record for versions in records.values() for record in versions.values())
    nodes = {str(address): node for node, address in addresses.items()}
    sightings = find_sightings(reports.by_node, found.traces, nodes, directories)
    entries = list(journal.read_backwards(places, MOST_ENTRIES))
    statuses = [
        status
        for each in ([name] if name else names)
        for status in find_node_status(each, now.of(each), records, sightings, find_changes(entries, each, addresses))
    ]
    passed_over = [f"{over.file} is no report: {over.reason}" for over in reports.passed_over]
    reasons = withdrawn.read(places)
    shown = {each: versions for each, versions in records.items() if name in (None, each)}
    interrupted = find_problems(now, records, entries[0] if entries else None)
    problems = (*interrupted, *withdrawn.find_problems(statuses, shown, reasons))
    notes = (*passed_over, *found.unread, *withdrawn.find_notes(statuses, shown, reasons))
    return SiteStatus(tuple(statuses), problems, notes)


MOST_ENTRIES = 50
"""The most entries of the journal that are read, the newest: a menu that none of them changed is an old one."""


def _addresses(records: Records) -> dict[str, IPv4Address]:
    """The address of each node, by its name, from the release that was unpacked last."""
    found: dict[str, IPv4Address] = {}
    for versions in records.values():
        for record in reversed(list(versions.values())):
            found.update({node.name: node.address for node in record.settings.nodes})
    return found
