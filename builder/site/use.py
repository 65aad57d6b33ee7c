"""Gathers what is known of the use of a recipe's releases: journal, reports, mounts."""

from __future__ import annotations

from collections.abc import Mapping

from builder.site.clock import read_clock
from builder.site.journal import read_entries
from builder.site.places import Places
from builder.site.records import Record
from builder.site.reports import read_reports
from builder.site.retention import Knowledge


def gather(places: Places, versions: Mapping[str, Record]) -> Knowledge:
    """What is known of the use of a recipe's releases by the nodes of all of them."""
    nodes = {node.name: node.address for record in versions.values() for node in record.settings.nodes}
    return Knowledge(read_entries(places), read_reports(places, nodes).by_node, {}, read_clock())
