"""`nfsroot-site sync`: nodes follow a channel of a store."""

from __future__ import annotations

from datetime import timedelta

import click

from builder.cli import reading_options as options
from builder.cli.output import write
from builder.cli.site.durations import confirm_option, read_duration
from builder.errors import InputError
from builder.site.places import Places


@click.command("sync")
@click.argument("reference", metavar="NAME@CHANNEL")
@options.from_trusted_option
@confirm_option
@click.option(
    "--max-age",
    metavar="DURATION",
    default="7d",
    show_default=True,
    callback=read_duration,
    help="Refuse a store that was signed longer ago: somebody may hold newer releases back.",
)
@options.limit_option
@options.log_format_option
@click.pass_obj
def command(
    places: Places,
    reference: str,
    store: str | None,
    confirm: int,
    max_age: int,
    limit: float | None,
    log_format: str | None,
) -> None:
    """Unpack the release that a channel names, and have all nodes boot it; do nothing when they do already.

    A version whose trial failed here, or from which somebody went back, is not tried again until the channel names
    another one.

    \b
    Examples:
      nfsroot-site sync kerrighed@stable
      nfsroot-site sync debian-nfsroot@stable --confirm 2d
    """
    from builder.cli.render import renderer
    from builder.cli.site.switch import switch_nodes
    from builder.cli.site.unpack import unpack_release
    from builder.site import state as states
    from builder.site.fetching import find_in_store
    from builder.site.sync import follow
    from builder.site.trust import default_store, open_trusted
    from builder.store.catalog import parse_reference

    name, channel = parse_reference(reference)
    if not channel:
        raise InputError(f"sync follows a channel, and {reference} names none", resolution=f"{name}@stable")
    address = store or default_store(places)
    trusted = open_trusted(places, address, options.warn, timedelta(seconds=max_age))
    try:
        release = find_in_store(places, trusted, reference, allow_yanked=False)
    finally:
        _warn_of_withdrawn(places, name)
    following = follow(name, states.read(places.state).of(name), release.version)
    if not following.switch:
        write(following.words)
        return
    with renderer(log_format, verbose=False) as show:
        unpack_release(places, trusted, release, limit, show)
    switch_nodes(places, ("sync", reference), name, release.version, confirm=confirm)


def _warn_of_withdrawn(places: Places, name: str) -> None:
    """Say on standard error which releases of a recipe nodes boot although they were withdrawn."""
    from builder.site import state as states
    from builder.site import withdrawn
    from builder.site.records import read_records

    serving, records = states.read(places.state).of(name), read_records(places)
    for line in withdrawn.find_served(name, serving, records, withdrawn.read(places)):
        write(line, err=True)
