"""`nfsroot list`: lists recipes and releases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from builder.cli import options, store_options
from builder.cli.output import write
from builder.errors import InputError


@click.command("list")
@click.argument("store", required=False)
@click.argument("name", required=False)
@click.option(
    "--with", "package", metavar="PACKAGE[<VERSION]", help="Releases of the store with this package in the tree."
)
@click.option("--json", "as_json", is_flag=True, help="Print the releases of the store as JSON.")
@store_options.trust_option
@store_options.max_age_option
@options.output_option
def command(
    store: str | None,
    name: str | None,
    package: str | None,
    as_json: bool,
    trust: str | None,
    max_age: timedelta | None,
    output: Path,
) -> None:
    """List the recipes that can be built and the releases that were; or the releases in STORE, of one NAME or all.

    \b
    Examples:
      nfsroot list
      nfsroot list /srv/artifacts kerrighed
      nfsroot list site --with "openssl<3.5.4-1"
    """
    if store is not None:
        from builder.cli import store_list

        store_list.show(store_options.open_trusted(store, trust, max_age), name, package, as_json=as_json)
        return
    if package or as_json:
        raise InputError("--with and --json are about the releases in a store", resolution="Name a store.")
    _list_here(output)


def _list_here(output: Path) -> None:
    """List the recipes, and the releases below a directory."""
    from builder.recipe.search import SearchPath
    from builder.release.versions import contents

    for name in SearchPath.default().recipe_names():
        write(f"recipe   {name}")
    for directory in sorted(path for path in output.glob("*") if path.is_dir()):
        for version in contents(directory):
            write(f"release  {directory / version}  lab: {_verdict(directory / version)}")


def _verdict(release: Path) -> str:
    """The lab's verdict on a release, in words; `unknown` and the reason when its manifest cannot be read."""
    from builder.release.manifest import Manifest
    from builder.release.proof import tell_standing

    try:
        Manifest.read(release)
    except InputError as error:
        return f"unknown ({error.brief})"
    return tell_standing(release)
