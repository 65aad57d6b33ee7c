"""`nfsroot clean`: removes objects and packages from the cache that no build used for some days."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import options
from builder.cli.output import write
from builder.errors import NfsrootError


@click.command("clean")
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=14,
    show_default=True,
    help="Keep what was used in the last DAYS days.",
)
@click.option("--all", "everything", is_flag=True, help="Remove the whole cache.")
@options.cache_option
def command(days: int, everything: bool, cache_dir: Path | None) -> None:
    """Remove objects and packages that no build used for some days.  Releases are never touched.

    \b
    Example:
      nfsroot clean --days 3
    """
    cache = options.cache_at(cache_dir)
    freed = cache.prune(seconds=0 if everything else days * 86400)
    if freed is None:
        raise NfsrootError(f"a build is using the cache in {cache.root}", resolution="Clean it when no build runs.")
    write(f"{freed / 1e6:.1f} MB freed in {cache.root}")
