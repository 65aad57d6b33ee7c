"""The status of a site for other programs: JSON, and the text format of Prometheus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from builder.site.status import NodeStatus, SiteStatus


def render_json(status: SiteStatus, now: float) -> str:
    """The status as a JSON object; the packages that differ between two versions stand there once for all nodes."""
    document = {
        "schema_version": 1,
        "time": int(now),
        "as_switched": status.is_as_switched,
        "problems": list(status.problems),
        "notes": list(status.notes),
        "nodes": [_node(each) for each in status.nodes],
        "changes": _changes(status),
    }
    return json.dumps(document) + "\n"


def _changes(status: SiteStatus) -> list[dict[str, Any]]:
    """The packages that differ between each version that nodes run and the version that they boot next."""
    pairs = {(node.recipe, node.runs, node.next_version): node.changes for node in status.nodes if node.changes_at_boot}
    return [
        {
            "recipe": recipe,
            "runs": runs,
            "next_boot": after,
            "packages": None
            if changes is None
            else [
                {"name": each.name, "way": str(each.way), "before": each.before or None, "after": each.after or None}
                for each in changes
            ],
        }
        for (recipe, runs, after), changes in pairs.items()
    ]


def _node(status: NodeStatus) -> dict[str, Any]:
    seen = status.sighting
    return {
        "recipe": status.recipe,
        "node": status.node,
        "address": status.address,
        "runs": {"release": seen.name, "version": seen.version} if seen and seen.version else None,
        "next_boot": status.next_version or None,
        "since": seen.since if seen else None,
        "seen": seen.seen if seen else None,
        "evidence": seen.evidence if seen else None,
        "state": (seen.state or None) if seen else None,
        "failed": list(seen.failed) if seen else [],
        "trial": status.trial or None,
        "differs": status.differs or None,
    }


METRICS = {
    "nfsroot_node_runs": "The release that a node ran when it was seen last; always 1.",
    "nfsroot_node_next_boot": "The release that a node boots next; always 1.",
    "nfsroot_node_differs": "Whether a node booted something else than its menu has.",
    "nfsroot_node_changes_at_boot": "Whether a node runs something else than it boots next.",
    "nfsroot_node_on_trial": "Whether a node is on trial and has not reported.",
    "nfsroot_node_failed_units": "Failed units that a node reported.",
    "nfsroot_node_seen_timestamp_seconds": "When a node was seen last.",
    "nfsroot_node_booted_timestamp_seconds": "When a node booted.",
    "nfsroot_site_problems": "Things that are wrong with the site itself.",
    "nfsroot_site_status_timestamp_seconds": "When this was written.",
}
"""The meaning of each gauge, by its name."""


def render_prometheus(status: SiteStatus, now: float) -> str:
    """The status in Prometheus' text format, as node_exporter's textfile collector reads it."""
    samples = list(_samples(status, now))
    lines = []
    for name, meaning in METRICS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
        lines += [line for metric, line in samples if metric == name]
    return "".join(f"{line}\n" for line in lines)


def _samples(status: SiteStatus, now: float) -> Iterator[tuple[str, str]]:
    for node in status.nodes:
        yield from _node_samples(node)
    yield _sample("nfsroot_site_problems", {}, len(status.problems))
    yield _sample("nfsroot_site_status_timestamp_seconds", {}, int(now))


def _node_samples(status: NodeStatus) -> Iterator[tuple[str, str]]:
    labels = {"node": status.node, "recipe": status.recipe}
    seen = status.sighting
    if status.next_version:
        yield _sample("nfsroot_node_next_boot", {**labels, "version": status.next_version}, 1)
    yield _sample("nfsroot_node_differs", labels, int(bool(status.differs)))
    yield _sample("nfsroot_node_changes_at_boot", labels, int(status.changes_at_boot))
    yield _sample("nfsroot_node_on_trial", labels, int(status.trial not in ("", "confirmed")))
    if seen is None:
        return
    if seen.version:
        yield _sample("nfsroot_node_runs", {**labels, "release": seen.name, "version": seen.version}, 1)
    if seen.state:
        yield _sample("nfsroot_node_failed_units", labels, len(seen.failed))
    if seen.seen is not None:
        yield _sample("nfsroot_node_seen_timestamp_seconds", labels, int(seen.seen))
    if seen.since is not None:
        yield _sample("nfsroot_node_booted_timestamp_seconds", labels, int(seen.since))


def _sample(name: str, labels: dict[str, str], value: int) -> tuple[str, str]:
    told = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
    return name, f"{name}{{{told}}} {value}" if told else f"{name} {value}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
