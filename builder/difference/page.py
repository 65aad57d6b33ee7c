"""A difference as a page for people: one HTML file that needs no other and no script."""

from __future__ import annotations

from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from builder.difference import words
from builder.difference.compare import Difference
from builder.difference.printable import printable

MOST_FILES = 500
"""Files of a package that are listed: JSON has all."""

_templates = Environment(
    loader=PackageLoader("builder.difference"),
    autoescape=True,
    finalize=lambda value: printable(value) if type(value) is str else value,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(difference: Difference) -> str:
    """The page of a difference."""
    template = _templates.get_template("difference.html.j2")
    return template.render(difference=difference, words=words, most=MOST_FILES, date=_date)


def _date(seconds: int) -> str:
    """A source date as a day (UTC); of a number that is no time, the number."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def _line_class(line: str) -> str:
    """The class of a line of a unified diff."""
    return {"+": "add", "-": "del", "@": "at"}.get(line[:1], "")


_templates.filters["line_class"] = _line_class
