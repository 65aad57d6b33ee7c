"""`nfsroot promote`: makes a channel name another release."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import store_options as options
from builder.cli.output import write


@click.command("promote")
@click.argument("name")
@click.argument("version")
@options.to_option
@click.option("--channel", required=True, metavar="CHANNEL", help="The channel, such as stable.")
@options.key_option
def command(name: str, version: str, store: str, channel: str, key: Path | None) -> None:
    """Let a channel of a store name release VERSION of NAME; no file of a release is copied.

    \b
    Example:
      nfsroot promote kerrighed 2026.01.31 --to /srv/artifacts --channel stable
    """
    from builder.store import catalog

    publisher = options.open_publisher(store, key)
    publisher.commit(lambda targets: catalog.set_channel(targets, name, version, channel))
    write(f"{name}@{channel} is {version} in {publisher.storage.address}")
