"""`nfsroot-site unpack`: a release onto this server, beside those that nodes use."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import store_options as options
from builder.cli.output import write
from builder.cli.render import renderer
from builder.errors import InputError
from builder.site.places import Places
from builder.site.state import SiteState


@click.command("unpack")
@click.argument("release", metavar="RELEASE_DIRECTORY")
@options.log_format_option
@click.pass_obj
def command(places: Places, release: str, log_format: str | None) -> None:
    """Unpack a release beside the others on this server, and export it; nodes go on with what they have.

    \b
    Examples:
      nfsroot-site unpack output/kerrighed/2026.01.31

    Everything is verified first, and the unpacked tree is compared with the list that the release has of it.
    """
    from builder.site.source import open_directory
    from builder.site.unpacking import unpack

    if not Path(release, "manifest.json").is_file():
        raise InputError(f"{release} is no directory of a release: there is no manifest.json in it")
    with renderer(log_format, verbose=False) as show:
        source = open_directory(Path(release))
        typed = ("unpack", release)
        made = unpack(places, source, typed, show, _apply)
    write(f"{source.manifest.name} {source.manifest.version} is {'unpacked' if made else 'here already'}")


def _apply(_state: SiteState) -> None:
    """Composition of exports is to come."""
