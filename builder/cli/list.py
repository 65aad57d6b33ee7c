"""`nfsroot list`: recipes and releases."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import options
from builder.cli.output import write
from builder.errors import InputError


@click.command("list")
@options.output_option
def command(output: Path) -> None:
    """List the recipes that can be built and the releases that were.

    \b
    Example:
      nfsroot list
    """
    from builder.recipe.search import SearchPath
    from builder.release.versions import contents

    for name in SearchPath.default().recipe_names():
        write(f"recipe   {name}")
    for directory in sorted(path for path in output.glob("*") if path.is_dir()):
        for version in contents(directory):
            write(f"release  {directory / version}  lab: {_verdict(directory / version)}")


def _verdict(release: Path) -> str:
    """The lab's verdict on a release, in words."""
    from builder.cli.summary import verdict
    from builder.release.manifest import Manifest

    try:
        Manifest.read(release)
    except InputError as error:
        return f"unknown ({error.brief})"
    return verdict(release)
