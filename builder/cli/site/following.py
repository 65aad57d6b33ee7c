"""Shows the user the events of a change, and reads the option --replace."""

from __future__ import annotations

import click

from builder.cli.output import write
from builder.cli.site import REPLACE
from builder.events import Caution, Event, Notice


def is_replacing() -> bool:
    """Whether settings that somebody changed by hand are to be replaced."""
    return bool(click.get_current_context().meta.get(REPLACE, False))


def show(event: Event) -> None:
    """Print what happens on standard output, and what the user will want to change on standard error."""
    if isinstance(event, Notice | Caution):
        write(event.text, err=isinstance(event, Caution))
