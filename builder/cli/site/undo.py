"""`nfsroot-site undo`: takes back the last change of the versions that nodes boot."""

from __future__ import annotations

import click

from builder.cli.site.changing import carry_out
from builder.site.places import Places


@click.command("undo")
@click.option("--dry-run", is_flag=True, help="Say what would be taken back, and change nothing.")
@click.pass_obj
def command(places: Places, dry_run: bool) -> None:
    """Take the last change of what nodes boot back: a switch with all that its trial did, a rollback.

    Called again, it takes the change before that back.  Releases that were removed do not come back.

    \b
    Example:
      nfsroot-site undo --dry-run
    """
    from builder.site.decision import Decision
    from builder.site.journal import read_entries
    from builder.site.selection import Records
    from builder.site.state import SiteState
    from builder.site.undo import undo

    def decide(state: SiteState, records: Records) -> Decision:
        return undo(read_entries(places), state, records)

    carry_out(places, ("undo",), decide, dry_run=dry_run)
