"""`nfsroot-site apply`: brings the server's settings and menus up to date."""

from __future__ import annotations

import click

from builder.cli.output import write
from builder.site.places import Places


@click.command("apply")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.pass_obj
def command(places: Places, dry_run: bool) -> None:
    """Make the server's settings and menus what unpacked releases and nodes' versions ask for.

    Every other verb does that by itself.  Call this one after a change of /etc/nfsroot-site.toml, or to put right what
    is missing, does not run, or (with --replace) was changed by hand.

    \b
    Examples:
      nfsroot-site apply --dry-run
      nfsroot-site --replace apply
    """
    from builder.cli.site.changing import locked
    from builder.cli.site.following import is_replacing, show
    from builder.site import apply as applying
    from builder.site import state as states
    from builder.site.services import open_site

    site = open_site(places)
    if dry_run:
        prepared = applying.prepare(site, states.read(places.state), show, replace=is_replacing())
        for line in applying.foretell(prepared):
            write(f"Would change: {line}")
        return
    with locked(site):
        applying.change(site, ("apply",), states.read(places.state), show, replace=is_replacing())
