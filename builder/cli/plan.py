"""`nfsroot plan`: shows the steps that a build would run, and why."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from builder.cli import options
from builder.cli.output import write


@click.command("plan")
@options.recipe_argument
@options.version_option
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON, inputs included.")
@options.output_option
@options.cache_option
def command(recipe: str, version: str | None, as_json: bool, output: Path, cache_dir: Path | None) -> None:
    """Show which steps a build of RECIPE would run, and why; run none.

    \b
    Example:
      nfsroot plan kerrighed
    """
    from builder.build import plan

    made = plan(
        options.load_recipe(recipe),
        options.cache_at(cache_dir),
        output,
        version=version,
        source_date=options.source_date(),
    )
    if as_json:
        write(json.dumps(asdict(made), indent=1, default=str))
        return
    for step in made.steps:
        write(f"{step.name:14} {step.key or '-':24}  {step.reason}")
    if made.release:
        write(f"Nothing to do: release {made.release} has this content.")
