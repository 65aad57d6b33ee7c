"""`nfsroot list`: recipes and releases."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import options


@click.command("list")
@options.output_option
def command(output: Path) -> None:
    """List the recipes that can be built and the releases that were.

    \b
    Example:
      nfsroot list
    """
    from builder.recipe.search import SearchPath
    from builder.release.manifest import Manifest
    from builder.release.versions import contents

    for name in SearchPath.default().recipe_names():
        click.echo(f"recipe   {name}")
    for directory in sorted(path for path in output.glob("*") if path.is_dir()):
        for version in contents(directory):
            click.echo(f"release  {directory / version}  lab: {Manifest.read(directory / version).lab}")
