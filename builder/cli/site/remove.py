"""`nfsroot-site remove`: removes a recipe with all its releases from the server."""

from __future__ import annotations

import click

from builder.cli.output import write
from builder.site.places import Places


@click.command("remove")
@click.argument("name")
@click.option("--force", is_flag=True, help="Although nodes run a release of it, which then lose their root.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.pass_obj
def command(places: Places, name: str, force: bool, dry_run: bool) -> None:
    """Remove all releases of NAME, and the menus and settings of its nodes; other recipes stay as they are.

    What its nodes keep from release to release, their host keys for instance, is never removed.

    \b
    Example:
      nfsroot-site remove kerrighed --dry-run
    """
    from builder.cli.site.changing import locked, tell
    from builder.cli.site.following import is_replacing, show
    from builder.site import removal
    from builder.site import state as states
    from builder.site.records import read_records
    from builder.site.services import open_site
    from builder.site.taking_away import take_away
    from builder.site.use import gather

    site = open_site(places)
    if dry_run:
        records = read_records(places)
        known = gather(places, records, name)
        tell(take_away(states.read(places.state), records, name, known, force=force), dry_run=True)
        return
    with locked(site):
        records = read_records(places)
        known = gather(places, records, name)
        decision = take_away(states.read(places.state), records, name, known, force=force)
        gone, words = list(records[name].values()), ("remove", name, *(["--force"] if force else []))
        removal.remove_releases(site, gone, words, decision.state, show, replace=is_replacing())
    tell(decision)
    write(f"{name} is removed.")
