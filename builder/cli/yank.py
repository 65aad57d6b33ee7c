"""`nfsroot yank`: withdraws a release from a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli import store_options as options
from builder.cli.output import write

if TYPE_CHECKING:
    from builder.store.metadata import Targets


@click.command("yank")
@click.argument("name")
@click.argument("version")
@options.from_option
@click.option("--reason", required=True, metavar="TEXT", help="The reason, which `list`, `fetch` and servers show.")
@options.key_option
def command(name: str, version: str, store: str, reason: str, key: Path | None) -> None:
    """Withdraw release VERSION of NAME: it stays in the store, and is fetched only with --allow-yanked.

    \b
    Example:
      nfsroot yank kerrighed 2026.01.31 --from /srv/artifacts --reason "nodes with igb cards hang"
    """
    from builder.store import catalog
    from builder.store.errors import RefusedError

    if not reason.strip() or not reason.isprintable():
        raise RefusedError("a release is withdrawn with a reason of one line", resolution="--reason TEXT")
    publisher = options.open_publisher(store, key)
    left: list[str] = []

    def withdraw(targets: Targets) -> None:
        left[:] = catalog.yank(targets, name, version, reason).channels

    publisher.commit(withdraw)
    write(f"{name}@{version} is withdrawn from {publisher.storage.address}: {reason}")
    for channel in left:
        write(f"channel {channel} names no release of {name} now: nfsroot promote {name} VERSION --channel {channel}")
