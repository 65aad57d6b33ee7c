"""`nfsroot-site rollback`: nodes boot an earlier version again."""

from __future__ import annotations

import click

from builder.cli.site.changing import carry_out
from builder.site.places import Places


@click.command("rollback")
@click.argument("name")
@click.option("--nodes", metavar="NODESET", help="Only these nodes, such as 'ssi[1-2]'.")
@click.option("--to", "version", default="", metavar="VERSION", help="This version instead of the one before.")
@click.option("--dry-run", is_flag=True, help="Say which nodes would boot another version, and change nothing.")
@click.pass_obj
def command(places: Places, name: str, nodes: str | None, version: str, dry_run: bool) -> None:
    """Have the nodes of NAME boot the version before again, from their next boot on.

    Nodes on trial, and nodes that boot a version of their own, go back to what the others boot.  When there are none,
    all nodes go back to the version before.  `sync` leaves the version alone that is given up.

    \b
    Examples:
      nfsroot-site rollback kerrighed
      nfsroot-site rollback debian-nfsroot --nodes ssi2 --to 2026.01.31
    """
    from builder.site import withdrawn
    from builder.site.clock import read_clock
    from builder.site.decision import Decision
    from builder.site.nodes import read_nodes
    from builder.site.rollback import roll_back
    from builder.site.selection import Records, nodes_of
    from builder.site.state import SiteState

    def decide(state: SiteState, records: Records) -> Decision:
        chosen = None if nodes is None else read_nodes(nodes, nodes_of(records, name, state.of(name)))
        decision = roll_back(state, records, name, chosen, version, read_clock())
        return withdrawn.warn(decision, state, name, records, withdrawn.read(places))

    words = ("rollback", name, *(("--nodes", nodes) if nodes else ()), *(("--to", version) if version else ()))
    carry_out(places, words, decide, dry_run=dry_run)
