"""`nfsroot-site prune`: removes releases that nothing needs any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from builder.cli.output import write
from builder.cli.site.durations import read_duration
from builder.site.places import Places

if TYPE_CHECKING:
    from builder.site.retention import Knowledge, Retention
    from builder.site.site import Site


@click.command("prune")
@click.argument("name")
@click.option(
    "--keep", type=click.IntRange(1), default=3, show_default=True, help="The releases unpacked last that stay anyway."
)
@click.option(
    "--grace",
    metavar="DURATION",
    default="7d",
    show_default=True,
    callback=read_duration,
    help="A release stays so long after it was unpacked, booted, read, or reported by a node.",
)
@click.option("--dry-run", is_flag=True, help="Say what keeps each release, and remove none.")
@click.pass_obj
def command(places: Places, name: str, keep: int, grace: int, dry_run: bool) -> None:
    """Remove releases of NAME that no menu names, no node runs, and nobody used for a while; say what keeps the others.

    A node that ran a removed release would lose its root: exports go first, and a release stays as long as there is any
    sign of a node that has it.

    \b
    Examples:
      nfsroot-site prune kerrighed --dry-run
      nfsroot-site prune kerrighed --keep 2 --grace 14d
    """
    from builder.cli.site.changing import locked
    from builder.site import reads
    from builder.site.reads import EXPORT_STATS
    from builder.site.services import open_site

    site = open_site(places)
    if dry_run:
        decided, known = _decide(site, name, keep, grace)
        if known.reads.absent:
            write(f"{EXPORT_STATS} is not there: nobody counts the bytes that nodes read.", err=True)
        _tell(name, decided, "would go")
        return
    with locked(site):
        decided, known = _decide(site, name, keep, grace)
        reads.keep(places, known.reads)
        _remove(site, name, decided, ("prune", name, "--keep", str(keep), "--grace", f"{grace}s"))
    _tell(name, decided, "is removed")


def _decide(site: Site, name: str, keep: int, grace: int) -> tuple[tuple[Retention, ...], Knowledge]:
    from builder.site import state as states
    from builder.site.records import read_records
    from builder.site.retention import decide_retention
    from builder.site.selection import versions_of
    from builder.site.use import gather

    records = read_records(site.places)
    versions, known = versions_of(records, name), gather(site.places, records, name)
    for line in known.unread:
        write(f"{line}: it may have told of nodes that run a release.", err=True)
    serving = states.read(site.places.state).of(name)
    return decide_retention(name, serving, versions, known, keep, grace), known


def _remove(site: Site, name: str, decided: tuple[Retention, ...], words: tuple[str, ...]) -> None:
    from builder.cli.site.following import is_replacing, show
    from builder.site import removal
    from builder.site import state as states
    from builder.site.records import read_records

    versions = read_records(site.places)[name]
    gone = [versions[each.version] for each in decided if not each.reasons]
    if gone:
        removal.remove_releases(site, gone, words, states.read(site.places.state), show, replace=is_replacing())


def _tell(name: str, decided: tuple[Retention, ...], verb: str) -> None:
    for each in decided:
        write(f"{name} {each.version} " + (f"stays: {'; '.join(each.reasons)}." if each.reasons else f"{verb}."))
