"""`nfsroot check`: every mistake in a recipe, at once."""

from __future__ import annotations

import click

from builder.cli import options


@click.command("check")
@options.recipe_argument
@click.option("--json", "as_json", is_flag=True, help="Print the resolved recipe as JSON.")
def command(recipe: str, as_json: bool) -> None:
    """Check RECIPE without building anything.

    \b
    Example:
      nfsroot check recipes/mine.toml
    """
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath

    loaded = load(recipe, SearchPath.default())
    if as_json:
        click.echo(loaded.model_dump_json(indent=1))
        return
    cluster = loaded.cluster
    click.echo(
        f"{loaded.image.name}: Debian {loaded.debian.suite}, {len(loaded.packages)} packages asked for, "
        f"{len(loaded.elements)} elements; {len(cluster.nodes)} nodes of {cluster.name} in {cluster.subnet}"
    )
