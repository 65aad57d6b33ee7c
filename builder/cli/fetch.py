"""`nfsroot fetch`: fetches a release from a store."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from builder.cli import store_options as options
from builder.cli.output import write
from builder.cli.render import renderer
from builder.events import Caution


@click.command("fetch")
@click.argument("reference", metavar="NAME[@VERSION|@CHANNEL]")
@click.argument("directory", required=False, type=click.Path(path_type=Path))
@options.from_option
@options.trust_option
@options.max_age_option
@options.limit_option
@click.option("--allow-yanked", is_flag=True, help="Fetch a release that was withdrawn.")
@options.log_format_option
def command(
    reference: str,
    directory: Path | None,
    store: str,
    trust: str | None,
    max_age: timedelta | None,
    limit: float | None,
    allow_yanked: bool,
    log_format: str | None,
) -> None:
    """Fetch a release from a store into DIRECTORY, by default output/NAME/VERSION: each file, byte for byte.

    \b
    Examples:
      nfsroot fetch kerrighed --from /srv/artifacts
      nfsroot fetch kerrighed@stable --from https://store.example/nfsroot --trust SHA256:...

    Without a version or a channel it is the newest release that was not withdrawn.  Parts of releases that lie beside
    DIRECTORY are not fetched again, and neither is what an interrupted fetch left.
    """
    from builder.store import catalog
    from builder.store.fetch import fetch

    catalog.parse_reference(reference)  # a mistake in it is told before a store is asked
    trusted = options.open_trusted(store, trust, max_age)
    offered = catalog.read_catalog(trusted.targets)
    release = catalog.find_offered(offered, reference, allow_yanked=allow_yanked, verb="Fetch")
    target = directory or Path("output", release.name, release.version)
    with renderer(log_format, verbose=False) as show:
        for sentence in catalog.find_cautions(release):
            show(Caution(sentence))
        made = fetch(trusted.storage, release, target, options.transfers(show, limit))
    write(f"{release.reference} {'is in' if made else 'was already in'} {target}")
