"""`nfsroot check`: reports every mistake in a recipe at once."""

from __future__ import annotations

from pathlib import Path

import click

from builder.cli import options
from builder.cli.output import write
from builder.counting import count


@click.command("check")
@options.recipe_argument
@options.cache_option
@click.option("--json", "as_json", is_flag=True, help="Print the resolved recipe as JSON.")
def command(recipe: str, cache_dir: Path | None, as_json: bool) -> None:
    """Check RECIPE without building anything.

    Its packages are checked, too, where a build has asked the archive before.

    \b
    Example:
      nfsroot check recipes/mine.toml
    """
    from builder.build import check

    loaded = check(options.load_recipe(recipe), options.cache_at(cache_dir))
    if as_json:
        write(loaded.model_dump_json(indent=1).encode())
        return
    cluster = loaded.cluster
    write(
        f"{loaded.image.name}: Debian {loaded.debian.suite}, {count(len(loaded.packages), 'package')} asked for, "
        f"{count(len(loaded.elements), 'element')}; {count(len(cluster.nodes), 'node')} of "
        f"{cluster.name} in {cluster.subnet}"
    )
