"""`nfsroot mirror`: copies a store to another place."""

from __future__ import annotations

from datetime import timedelta

import click

from builder.cli import store_options as options
from builder.cli.output import write
from builder.cli.render import renderer, size_in_words
from builder.counting import count


@click.command("mirror")
@click.argument("source", metavar="STORE")
@click.argument("target", metavar="STORE")
@click.option("--only", multiple=True, metavar="NAME[@VERSION|@CHANNEL]", help="Copy this release; may be repeated.")
@options.trust_option
@options.max_age_option
@options.limit_option
@options.log_format_option
def command(
    source: str,
    target: str,
    only: tuple[str, ...],
    trust: str | None,
    max_age: timedelta | None,
    limit: float | None,
    log_format: str | None,
) -> None:
    """Copy the releases that the second STORE lacks from the first one, with their signatures; a timer may do so.

    \b
    Example:
      nfsroot mirror https://store.example/nfsroot /srv/artifacts --only kerrighed@stable
    """
    copy_releases(source, target, only, trust, max_age, limit, log_format)


def copy_releases(
    source: str,
    target: str,
    references: tuple[str, ...],
    trust: str | None,
    max_age: timedelta | None,
    limit: float | None,
    log_format: str | None,
) -> None:
    """Copy releases of one store to another, and say how much went."""
    from builder.store import copies

    trusted = options.open_trusted(source, trust, max_age)
    chosen = copies.choose(trusted, references)
    storage = options.open_storage(target)
    with renderer(log_format, verbose=False) as show:
        sent = copies.copy(trusted, storage, chosen, options.transfers(show, limit))
    write(f"{storage.address} has {count(len(chosen), 'release')}: {size_in_words(sent)} were copied")
