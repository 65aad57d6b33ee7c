"""The release that each node of a site ran when it was seen last: by its own report, else by traces that it left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from builder.site.evidence import Trace
from builder.site.records import Record
from builder.site.reports import Report

SERVED = "/srv/tftp"

REPORTED = "reported"
"""The evidence of a node that reported; that of other nodes is the action in their last trace."""

SECONDS_OF_A_BOOT = 120
"""Seconds from the first file that a node loads to its report; an older file is of an earlier boot."""


@dataclass(frozen=True)
class Sighting:
    """The release that a node ran when it was seen last.

    `name` and `version` name the release; both are empty where the node was seen and nobody knows what it runs.
    `since` is when it booted, `seen` when it was seen, in seconds since 1970 (UTC); None where nobody knows.
    `evidence` says how it was seen: `reported`, `mounted its root` ...  `state` and `failed` are those of its report.
    """

    name: str
    version: str
    since: float | None
    seen: float | None
    evidence: str
    state: str = ""
    failed: tuple[str, ...] = ()


def find_sightings(
    reports: Mapping[str, Report],
    traces: Iterable[Trace],
    nodes: Mapping[str, str],
    releases: Mapping[str, tuple[str, str]],
) -> dict[str, Sighting]:
    """The last sighting of each node that was ever seen.

    `nodes` has the names of nodes by their addresses, `releases` name and version by directories of a release.
    """
    found: dict[str, Sighting] = {}
    known: dict[str, tuple[str, str] | None] = {"": ("", "")}  # logs have few paths, each many times
    for trace in traces:
        node = nodes.get(trace.address)
        if node:
            if trace.path not in known:
                known[trace.path] = find_release(trace.path, releases)
            release = known[trace.path]
            if release:
                found[node] = _later(found.get(node), _from_trace(trace, release))
    for node in nodes.values():
        if node in reports:
            found[node] = _with_report(found.get(node), _from_report(reports[node]))
    return found


def release_directories(records: Iterable[Record]) -> dict[str, tuple[str, str]]:
    """The name and version of each unpacked release, by every directory that nodes mount or load from."""
    found = {}
    for record in records:
        settings = record.settings
        served = settings.tftp_directory
        for directory in (settings.root.directory, settings.root.shared_directory, served, f"{SERVED}{served}"):
            found[directory] = (record.name, record.version)
    return found


def find_release(path: str, releases: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    """The name and version of the release to which a path on the server belongs; None where it belongs to none."""
    place = path if path.startswith("/") else f"/{path}"
    while place and place not in releases:
        place = place.rpartition("/")[0]
    return releases.get(place)


def _from_trace(trace: Trace, release: tuple[str, str]) -> Sighting:
    return Sighting(*release, since=trace.time if trace.path else None, seen=trace.time, evidence=trace.did)


def _from_report(report: Report) -> Sighting:
    since = report.received - report.uptime if report.uptime is not None else None
    name, version = report.release, report.version
    return Sighting(name, version, since, report.received, REPORTED, report.state, report.failed)


def _later(one: Sighting | None, other: Sighting) -> Sighting:
    """The later one of two sightings by traces; one that names a release counts more than one that does not."""
    if one is None:
        return other
    return max(one, other, key=lambda sighting: (bool(sighting.version), sighting.seen or 0))


def _with_report(trace: Sighting | None, report: Sighting) -> Sighting:
    """The report, unless the node loaded or mounted something after it, and so has booted since."""
    assert report.seen is not None, "the server's file system says when a report came"
    booted = trace is not None and trace.version and (trace.since or 0) > report.seen
    return trace if trace is not None and booted else report
