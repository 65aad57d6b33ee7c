"""`nfsroot-site status`: prints the versions that nodes run, and the versions that they boot next."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.output import write
from builder.errors import InputError, NfsrootError
from builder.site.places import Places

if TYPE_CHECKING:
    from rich.table import Table

    from builder.site.status import SiteStatus

SECONDS_BETWEEN_LOOKS = 2.0
DIFFERS = 1
"""The exit status when something differs from what was switched."""


@click.command("status")
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Show the table anew every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option("--prometheus", is_flag=True, help="Print metrics for node_exporter's textfile collector.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page for a browser into this file."
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file, which is never half there."
)
@click.pass_obj
def command(
    places: Places,
    name: str | None,
    watch: bool,
    as_json: bool,
    prometheus: bool,
    html: Path | None,
    output: Path | None,
) -> None:
    """Say of each node, of NAME or of all recipes, what it runs and what it boots next.

    A node reports what it runs when it has booted and every ten minutes; of one that does not, the traces count that it
    left: what it mounted and loaded. The exit status is 1 when something differs from what was switched: a node booted
    another version than its menu has, a change was interrupted, or a release that nodes boot is not there or
    was withdrawn.

    \b
    Examples:
      nfsroot-site status
      nfsroot-site status kerrighed --watch
      nfsroot-site status --html /var/www/html/status.html
      nfsroot-site status --prometheus --output /var/lib/prometheus/node-exporter/nfsroot.prom
    """
    if sum((watch, as_json, prometheus, html is not None)) > 1:
        raise InputError("--watch, --json, --prometheus and --html exclude each other", resolution="Give one of them.")
    if watch:
        _watch(places, name)
        return
    status, now = _look(places, name), time.time()
    text = _render(status, now, as_json=as_json, prometheus=prometheus, is_page=html is not None)
    target = html or output
    if target is None:
        write(text, newline=False)
    else:
        _replace(target, text)
    if not (as_json or prometheus):
        for note in status.notes:
            write(f"caution: {note}", err=True)
    if not status.is_as_switched:
        raise SystemExit(DIFFERS)


def _look(places: Places, name: str | None) -> SiteStatus:
    from builder.site.looking import look

    return look(places, name)


def _render(status: SiteStatus, now: float, *, as_json: bool, prometheus: bool, is_page: bool) -> str:
    from builder.site import status_formats
    from builder.site.status_table import render_table

    if as_json:
        return status_formats.render_json(status, now)
    if prometheus:
        return status_formats.render_prometheus(status, now)
    if is_page:
        from builder.site.status_page import render_page  # jinja2 takes a tenth of the time of all the rest

        return render_page(status, socket.gethostname(), now)
    return render_table(status, now)


def _replace(file: Path, text: str) -> None:
    """Write a text into a file that others read meanwhile: they have the old text or the new one."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(0o644)
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise NfsrootError(
            f"{file} cannot be written: {error.strerror}", resolution="Name a file in a directory that is there."
        ) from error


def _watch(places: Places, name: str | None) -> None:
    from rich.live import Live

    if not sys.stdout.isatty():
        raise InputError("--watch needs a terminal", resolution="Leave --watch out, or give --json.")

    def draw() -> Table:
        return _table(_look(places, name), time.time())

    with Live(draw(), screen=True, auto_refresh=False) as live:
        _repeat(lambda: live.update(draw(), refresh=True))


def _repeat(show: Callable[[], None]) -> None:
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        show()


def _table(status: SiteStatus, now: float) -> Table:
    from rich.table import Table
    from rich.text import Text

    from builder.site.status_words import HEAD, make_row, minute

    caption = "; ".join((*status.problems, *status.notes)) or None
    table = Table(title=f"nodes as of {minute(now)}", caption=caption, box=None, expand=True, pad_edge=False)
    for column in HEAD:
        table.add_column(column, overflow="fold")
    for node in status.nodes:
        style = "red" if node.differs else "yellow" if node.trial and node.trial != "confirmed" else ""
        table.add_row(*(Text(cell, style=style) for cell in make_row(node, now)))
    return table
