"""`nfsroot-site switch`: has nodes boot another version."""

from __future__ import annotations

import click

from builder.cli.site.changing import carry_out
from builder.cli.site.durations import confirm_option
from builder.site.places import Places


@click.command("switch")
@click.argument("name")
@click.argument("version")
@click.option("--nodes", metavar="NODESET", help="Only these nodes, such as 'ssi[1-2]'; the others stay.")
@confirm_option
@click.option("--allow-yanked", is_flag=True, help="Switch to a release that was withdrawn.")
@click.option("--dry-run", is_flag=True, help="Say which nodes would boot another version, and change nothing.")
@click.pass_obj
def command(
    places: Places, name: str, version: str, nodes: str | None, confirm: int, allow_yanked: bool, dry_run: bool
) -> None:
    """Have the nodes of NAME boot VERSION, which is unpacked on this server, from their next boot on.

    A node that runs keeps its root until it starts anew.  The version of before is the second entry of each menu, which
    GRUB takes when kernel or initramfs do not load.

    \b
    Examples:
      nfsroot-site switch kerrighed 2026.02.01 --dry-run
      nfsroot-site switch debian-nfsroot 2026.02.01 --nodes 'ssi[1-2]' --confirm 15m
    """
    options = (*(("--nodes", nodes) if nodes else ()), *(("--allow-yanked",) if allow_yanked else ()))
    words = ("switch", name, version, *options)
    switch_nodes(places, words, name, version, nodes=nodes, confirm=confirm, allow_yanked=allow_yanked, dry_run=dry_run)


def switch_nodes(
    places: Places,
    words: tuple[str, ...],
    name: str,
    version: str,
    *,
    nodes: str | None = None,
    confirm: int = 0,
    allow_yanked: bool = False,
    dry_run: bool = False,
) -> None:
    """Have nodes boot a version; `words` are what somebody typed, but for --confirm."""
    from builder.site import withdrawn
    from builder.site.clock import read_clock
    from builder.site.decision import Decision
    from builder.site.nodes import read_nodes
    from builder.site.reports import read_reports
    from builder.site.selection import Records, find_release, node_names, nodes_of
    from builder.site.state import SiteState
    from builder.site.switch import Switch, switch

    def decide(state: SiteState, records: Records) -> Decision:
        record = find_release(records, name, version)
        known = dict.fromkeys((*nodes_of(records, name, state.of(name)), *node_names(record)))
        chosen = None if nodes is None else read_nodes(nodes, known)
        reports = read_reports(places, {node.name: node.address for node in record.settings.nodes}).by_node
        decision = switch(state, records, Switch(name, version, chosen, confirm), reports, read_clock())
        reasons = withdrawn.read(places)
        if not allow_yanked:
            withdrawn.refuse(decision, state, record, reasons)
        return withdrawn.warn(decision, state, name, records, reasons)

    carry_out(places, (*words, *(("--confirm", f"{confirm}s") if confirm else ())), decide, dry_run=dry_run)
