"""`nfsroot schema`: the JSON Schemas, for editors and other programs."""

from __future__ import annotations

import json

import click


@click.command("schema")
@click.option("--manifest", is_flag=True, help="The schema of manifest.json instead.")
def command(manifest: bool) -> None:
    """Print the JSON Schema of recipes, so that an editor can complete and check them.

    \b
    Example:
      nfsroot schema > recipe.schema.json
    """
    if manifest:
        from builder.release.manifest import json_schema
    else:
        from builder.recipe.schema import json_schema
    click.echo(json.dumps(json_schema(), indent=2))
