"""`nfsroot-site confirm`: nodes on trial keep the version that they boot."""

from __future__ import annotations

import click

from builder.cli.site.changing import carry_out
from builder.errors import InputError
from builder.site.places import Places


@click.command("confirm")
@click.argument("name", required=False)
@click.option("--nodes", metavar="NODESET", help="Only these nodes, such as 'ssi[1-2]'.")
@click.option("--due", is_flag=True, help="By the nodes' reports and the deadlines of all trials; for a timer.")
@click.pass_obj
def command(places: Places, name: str | None, nodes: str | None, due: bool) -> None:
    """Confirm nodes of NAME that are on trial: they keep the version.

    With --due, nodes are confirmed that reported the version, and at the deadline of a trial the others get the version
    of before back; then the exit status is 1.  A systemd timer calls that each minute.

    \b
    Examples:
      nfsroot-site confirm kerrighed
      nfsroot-site confirm --due
    """
    if due:
        _settle(places)
    elif name is None:
        raise InputError("confirm needs the name of a recipe, or --due")
    else:
        _confirm(places, name, nodes)


def _confirm(places: Places, name: str, nodes: str | None) -> None:
    from builder.site import trial
    from builder.site.clock import read_clock
    from builder.site.decision import Decision
    from builder.site.nodes import read_nodes
    from builder.site.selection import Records, nodes_of
    from builder.site.state import SiteState

    def decide(state: SiteState, records: Records) -> Decision:
        chosen = None if nodes is None else read_nodes(nodes, nodes_of(records, name, state.of(name)))
        return trial.confirm(state, records, name, chosen, read_clock())

    carry_out(places, ("confirm", name, *(("--nodes", nodes) if nodes else ())), decide)


def _settle(places: Places) -> None:
    from builder.site import state as states
    from builder.site import trial
    from builder.site.clock import read_clock
    from builder.site.decision import Decision
    from builder.site.reports import read_reports
    from builder.site.selection import Records, find_release
    from builder.site.state import SiteState

    def decide(state: SiteState, records: Records) -> Decision:
        reports = {}
        for name, serving in state.recipes.items():
            if serving.trial:
                nodes = find_release(records, name, serving.trial.version).settings.nodes
                reports[name] = read_reports(places, {node.name: node.address for node in nodes}).by_node
        return trial.settle(state, records, reports, read_clock())

    if any(serving.trial for serving in states.read(places.state).recipes.values()):
        carry_out(places, ("confirm", "--due"), decide)
