"""`nfsroot-site verify`: compares unpacked releases with their records."""

from __future__ import annotations

import sys

import click

from builder.cli.output import write
from builder.site.places import Places

SHOWN = 20
"""Differences of a release that are shown without --all."""


@click.command("verify")
@click.argument("name", required=False)
@click.argument("version", required=False)
@click.option(
    "--all", "show_all", is_flag=True, help=f"Show every difference, and not {SHOWN} of each release at most."
)
@click.pass_obj
def command(places: Places, name: str | None, version: str | None, show_all: bool) -> None:
    """Compare unpacked releases with what was unpacked: each path's type, mode, owner, content and capabilities.

    \b
    Examples:
      nfsroot-site verify
      nfsroot-site verify kerrighed 2026.01.31

    Exit status: 0 all is as it was unpacked; 1 something differs.
    """
    from builder.site.verification import find_records, verify

    differs = False
    for record in find_records(places, name, version):
        verified = verify(places, record)
        differs |= bool(verified.differences)
        count, shown = len(verified.differences), verified.differences[: None if show_all else SHOWN]
        words = (
            f"{count} of {verified.compared} paths differ" if count else f"{verified.compared} paths are as unpacked"
        )
        write(f"{record.name} {record.version}: {words}")
        for difference in shown:
            write(f"  {difference}")
        if len(shown) < count:
            write(f"  and {count - len(shown)} more; --all shows them")
        if verified.note:
            write(verified.note)
    sys.exit(1 if differs else 0)
