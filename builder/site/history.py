"""The time at which nodes stopped booting a release, from the journal of the site."""

from __future__ import annotations

from collections.abc import Sequence

from builder.site.journal import Entry


def left_menus(entries: Sequence[Entry], name: str, version: str) -> float | None:
    """The time at which the last menu went that named a release, in seconds since 1970 (UTC).

    None means that no menu named the release, or that one still does.  A change that was interrupted counts from the
    time at which it began.
    """
    left = None
    for entry in entries:
        if version in entry.after.of(name).versions():
            left = None
        elif version in entry.before.of(name).versions():
            left = entry.ended if entry.ended is not None else entry.begun
    return left
