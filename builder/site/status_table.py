"""The status of a site as text, with a table of nodes."""

from __future__ import annotations

from builder.site.nodes import fold
from builder.site.status import NodeStatus, SiteStatus
from builder.site.status_words import HEAD, UNKNOWN, make_row


def render_table(status: SiteStatus, now: float) -> str:
    """The status of a site as text: its problems, a summary of each recipe, and a line for each node."""
    if not status.nodes:
        return "".join(f"{problem}\n" for problem in status.problems) or "No release is unpacked on this server.\n"
    rows = [HEAD, *(make_row(node, now) for node in status.nodes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    problems = [f"DIFFERS: {problem}" for problem in status.problems]
    return "".join(f"{line}\n" for line in (*problems, *summarize(status.nodes), *lines))


def summarize(nodes: tuple[NodeStatus, ...]) -> list[str]:
    """A sentence for each recipe: which nodes run which version."""
    lines = []
    for recipe in dict.fromkeys(node.recipe for node in nodes):
        groups: dict[str, list[str]] = {}
        for node in nodes:
            if node.recipe == recipe:
                groups.setdefault(node.runs or UNKNOWN, []).append(node.node)
        words = (
            f"nobody knows what {fold(names)} run" if version == UNKNOWN else f"{fold(names)} run {version}"
            for version, names in groups.items()
        )
        lines.append(f"{recipe}: {'; '.join(words)}.")
    return lines
