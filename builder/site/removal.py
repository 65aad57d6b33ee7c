"""Removes releases from the server: first from menus, then their exports, then trees and files."""

from __future__ import annotations

from collections.abc import Sequence

from builder.events import Emit
from builder.site import journal
from builder.site.apply import apply, prepare
from builder.site.aside import remove_set_aside, set_aside
from builder.site.records import Record
from builder.site.site import Site
from builder.site.state import SiteState


def remove_releases(
    site: Site,
    records: Sequence[Record],
    command: tuple[str, ...],
    after: SiteState,
    emit: Emit,
    *,
    replace: bool = False,
) -> None:
    """Remove releases, and bring the site to the state `after`; the caller holds the lock.

    Settings without these releases are composed and checked first, so that a refusal changes nothing.  Then the
    releases count as not unpacked; menus, exports and other settings follow; at last trees and files go.

    :raises RefusedError: somebody changed settings by hand, and `replace` is false.
    """
    prepare(site, after, emit, replace=replace, gone=records)

    def carry_out(state: SiteState) -> None:
        set_aside(records)
        apply(site, state, emit, replace=replace)
        remove_set_aside(site.places)

    journal.change(site.places, command, after, carry_out)
