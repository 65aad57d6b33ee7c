"""Renders a difference as a page: one HTML file that needs no other file and no script."""

from __future__ import annotations

from datetime import UTC, datetime

from builder.difference import wording
from builder.difference.compare import Difference
from builder.difference.printable import escape_unprintable
from builder.pages import page_environment

MOST_FILES = 500
"""The most files of a package that the page lists: JSON has all."""

_templates = page_environment(
    "builder.difference", finalize=lambda value: escape_unprintable(value) if type(value) is str else value
)


def render(difference: Difference) -> str:
    """The page of a difference, in HTML."""
    template = _templates.get_template("difference.html.j2")
    return template.render(difference=difference, wording=wording, most=MOST_FILES, date=_date)


def _date(seconds: int) -> str:
    """The day (UTC) of a source date; the number itself when it is no time."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _line_class(line: str) -> str:
    """The class of a line of a unified diff."""
    return {"+": "add", "-": "del", "@": "at"}.get(line[:1], "")


_templates.filters["line_class"] = _line_class
