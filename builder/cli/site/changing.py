"""Carries out the decision of a verb under the site's lock, with an entry in the site's journal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

from builder.cli.output import write
from builder.cli.site.following import is_replacing, show
from builder.errors import NfsrootError
from builder.site import apply as applying
from builder.site import journal
from builder.site import state as states
from builder.site.decision import Decision
from builder.site.places import Places
from builder.site.records import read_records
from builder.site.selection import Records
from builder.site.services import open_site
from builder.site.site import Site
from builder.site.state import SiteState

Decide = Callable[[SiteState, Records], Decision]
"""Decides by the site's state and the releases that are unpacked."""


def carry_out(places: Places, command: tuple[str, ...], decide: Decide, *, dry_run: bool = False) -> None:
    """Have a verb decide, and make the site what it decided; with `dry_run`, only say what would change.

    A verb that warns ends this program with exit status 1.

    :raises NfsrootError: the verb refuses, or the change failed.
    """
    tell(_foretell(places, decide) if dry_run else _change(places, command, decide), dry_run=dry_run)


def tell(decision: Decision, *, dry_run: bool = False) -> None:
    """Print what was decided; with warnings, end this program with exit status 1."""
    for line in decision.words:
        write(f"Would change: {line}" if dry_run else line)
    for line in decision.warnings:
        write(line, err=True)
    if decision.warnings:
        sys.exit(1)


@contextlib.contextmanager
def locked(site: Site) -> Iterator[None]:
    """Hold the site's lock during the block, which begins when what a killed verb left is finished."""
    with journal.locked(site.places):
        _recover(site)
        yield


def _foretell(places: Places, decide: Decide) -> Decision:
    decision = decide(states.read(places.state), read_records(places))
    prepared = applying.prepare(open_site(places), decision.state, show, replace=is_replacing())
    return replace(decision, words=(*decision.words, *applying.foretell(prepared)))


def _change(places: Places, command: tuple[str, ...], decide: Decide) -> Decision:
    site = open_site(places)
    with locked(site):
        state = states.read(places.state)
        decision = decide(state, read_records(places))
        if decision.state != state:
            applying.change(site, command, decision.state, show, replace=is_replacing())
    return decision


def _recover(site: Site) -> None:
    """Finish a change that was interrupted.  One that cannot be finished is left to the change that comes now."""
    try:
        entry = applying.recover(site, show)
    except NfsrootError as error:
        write(f"The change before was interrupted and cannot be finished: {error.brief}", err=True)
        return
    if entry:
        write(f"Change {entry.number} was interrupted, and is finished now.", err=True)
