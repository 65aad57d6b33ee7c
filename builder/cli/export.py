"""`nfsroot export`: copies releases to a medium that people carry to a place without a network."""

from __future__ import annotations

import click

from builder.cli import store_options as options
from builder.cli.mirror import copy_releases


@click.command("export")
@click.argument("references", nargs=-1, required=True, metavar="NAME[@VERSION|@CHANNEL]...")
@options.from_option
@click.option("--to", "target", required=True, metavar="DIRECTORY", help="Where the copy goes, such as /media/usb.")
@options.trust_option
@options.limit_option
@options.log_format_option
def command(
    references: tuple[str, ...], store: str, target: str, trust: str | None, limit: float | None, log_format: str | None
) -> None:
    """Copy releases to a directory, which becomes a store of its own that readers verify like the first one.

    \b
    Example:
      nfsroot export kerrighed@stable --from site --to /media/usb/nfsroot
    """
    copy_releases(store, target, references, trust, None, limit, log_format)
