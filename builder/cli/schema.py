"""`nfsroot schema`: prints the JSON Schemas, for editors and other programs."""

from __future__ import annotations

import json

import click

from builder.cli.output import write


@click.command("schema")
@click.option("--manifest", "of", flag_value="manifest", help="The schema of manifest.json instead.")
@click.option("--lab", "of", flag_value="lab", help="The schema of lab.json instead.")
def command(of: str | None) -> None:
    """Print the JSON Schema of recipes, so that an editor can complete and check them.

    \b
    Example:
      nfsroot schema > recipe.schema.json
    """
    if of == "manifest":
        from builder.release.manifest import json_schema
    elif of == "lab":
        from builder.lab.report.report import json_schema
    else:
        from builder.recipe.schema import json_schema
    write(json.dumps(json_schema(), indent=2))
