"""`nfsroot-site log`: prints the journal of the site."""

from __future__ import annotations

import json
import shlex
import time

import click

from builder.cli.output import write
from builder.site.journal import Entry, read_entries
from builder.site.places import Places


@click.command("log")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with the states.")
@click.pass_obj
def command(places: Places, as_json: bool) -> None:
    """Show the changes that were made on this site, the newest last: number, time, user and command.

    An interrupted change is marked; the next verb finishes it.
    """
    for entry in read_entries(places):
        write(json.dumps(entry.document()) if as_json else _line(entry))


def _line(entry: Entry) -> str:
    begun = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.begun))
    mark = "" if entry.ended is not None else f"  ({entry.problem or 'interrupted'})"
    return f"{entry.number:>4}  {begun}  {entry.user}  {shlex.join(entry.command)}{mark}"
