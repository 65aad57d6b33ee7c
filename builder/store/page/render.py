"""Fills the templates of the pages; everything that comes from a release or a user is text in them, never markup."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from jinja2 import Environment

from builder.lab.report.timeline import BAR, draw_timeline
from builder.lab.vocabulary.phase import Phase
from builder.store.catalog import Release
from builder.store.page.boots import BootedNode
from builder.store.page.environment import make_environment
from builder.store.page.facts import ReleaseFacts
from builder.store.page.plan import Catalog

FIRST = "stable"
"""The channel that stands before all others."""

MOST_ROWS = 10
"""The most releases of a recipe that are shown at once; the older ones are behind a fold."""

MOST_NODES = 12
"""The most nodes whose boots are drawn."""

NARROW = 340.0
"""The width of the chart for phones, in CSS pixels."""


@dataclass(frozen=True)
class StoreFacts:
    """A store as its pages name it; `renewed` is when it was signed last (UTC), `version` that of its metadata.

    `elsewhere` counts the releases that the store's metadata names and that this copy of the store lacks.
    """

    fingerprint: str
    renewed: datetime
    version: int
    catalog: Catalog
    elsewhere: int = 0


@dataclass(frozen=True)
class Standing:
    """The mark of a release on a page: a word, and a class of the style sheet."""

    word: str
    kind: str


def find_standing(release: Release) -> Standing:
    """The mark of a release: proved by the lab, not proved, or withdrawn."""
    if release.yanked:
        return Standing("withdrawn", "bad")
    if release.unproved:
        return Standing("not proved", "warn")
    return Standing("proved", "ok")


def render_index(store: StoreFacts) -> bytes:
    """The page of all releases of a store."""
    return _fill("index.html.j2", store=store, root=".", most=MOST_ROWS)


def render_release(store: StoreFacts, facts: ReleaseFacts) -> bytes:
    """The page of one release."""
    drawn = max(facts.trials, key=lambda trial: len(trial.nodes), default=None)
    values = {"drawn": drawn} | (_draw(drawn.nodes[:MOST_NODES]) if drawn and drawn.nodes else {})
    return _fill("release.html.j2", store=store, facts=facts, release=facts.release, root="../..", **values)


def _draw(nodes: Iterable[BootedNode]) -> dict[str, object]:
    """The charts of the boots of nodes, for wide and for narrow screens, as the lab's own report draws them.

    A phase that this nfsroot does not know of has no colour, and is left out.
    """
    order = [str(phase) for phase in Phase]
    known = [replace(node, phases=tuple(each for each in node.phases if each.phase in order)) for node in nodes]
    return {"charts": (draw_timeline(known), draw_timeline(known, NARROW)), "bar": BAR, "phases": order}


def _fill(template: str, **values: object) -> bytes:
    return _environment().get_template(template).render(**values).encode()


@cache
def _environment() -> Environment:
    environment = make_environment()
    environment.globals |= {
        "described": Release.path_of,
        "standing": find_standing,
        "sort_channels": sort_channels,
        "sort_by_channel": sort_by_channel,
    }
    environment.filters |= {"day": _day, "size": size_in_words}
    return environment


def sort_channels(channels: Iterable[str]) -> list[str]:
    """The names of channels, stable first."""
    return sorted(channels, key=lambda channel: (channel != FIRST, channel))


def sort_by_channel(releases: Iterable[Release]) -> list[Release]:
    """The releases that channels name, that of stable first."""
    named = (release for release in releases if release.channels)
    return sorted(named, key=lambda release: (FIRST not in release.channels, sort_channels(release.channels)))


def _day(seconds: int) -> str:
    """The day (UTC) of a time in seconds since 1970; the number itself when it is no time."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def size_in_words(size: int) -> str:
    """A number of bytes in words: `60 kB`, `1.2 MB`, `211 MB`."""
    for factor, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(size) >= factor:
            return f"{size / factor:.{0 if abs(size) >= 10 * factor else 1}f} {unit}"
    return f"{size} bytes"
