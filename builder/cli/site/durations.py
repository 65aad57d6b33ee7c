"""Options that are durations: 90s, 15m, 12h, 7d."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

DURATION = re.compile(r"([1-9][0-9]*)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_duration(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int:
    """The seconds of a duration; 0 where none is given."""
    if value is None:
        return 0
    found = DURATION.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r} is no duration, such as 90s, 15m, 12h or 7d.")
    return int(found[1]) * SECONDS[found[2]]


confirm_option: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--confirm",
    metavar="DURATION",
    callback=read_duration,
    help="On trial: nodes that have not reported after this time, such as 15m, get their earlier version back.",
)
