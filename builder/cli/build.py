"""`nfsroot build`: recipe in, release out."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from builder.cli import options
from builder.cli.render import LOG_FORMATS, renderer
from builder.events import Event, Notice, StepFinished

ENGINES = ("sandbox", "docker", "podman")


@click.command("build")
@options.recipe_argument
@options.version_option
@click.option("--engine", type=click.Choice(ENGINES), default="sandbox", show_default=True, help="Where steps run.")
@click.option("--refresh", is_flag=True, help="Ask the Debian archive for its present state first.")
@options.output_option
@options.cache_option
@options.cache_size_option
@click.option("--log-format", type=click.Choice(LOG_FORMATS), help="[default: live on a terminal, else lines]")
@click.option("-v", "--verbose", is_flag=True, help="Show every line that the tools write.")
def command(
    recipe: str,
    version: str | None,
    engine: str,
    refresh: bool,
    output: Path,
    cache_dir: Path | None,
    cache_size: int,
    log_format: str | None,
    verbose: bool,
) -> None:
    """Build the release of RECIPE, a recipe's name or the path of its file.

    \b
    Examples:
      nfsroot build kerrighed
      nfsroot build kerrighed --version 1.0 --engine docker
      SOURCE_DATE_EPOCH=1767225600 nfsroot build recipes/mine.toml

    A build whose inputs are unchanged finds its release and does nothing.
    """
    from builder.build import build
    from builder.cli import summary
    from builder.container import choose
    from builder.host import need_for_build
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath
    from builder.workshop import Workshop

    loaded = load(recipe, SearchPath.default())
    need_for_build()
    started = time.monotonic()
    finished: list[StepFinished] = []
    with renderer(log_format, verbose) as show:

        def emit(event: Event) -> None:
            show(event)
            if isinstance(event, StepFinished):
                finished.append(event)

        workshop = Workshop(options.cache_at(cache_dir), choose(engine), output, emit)
        outcome = build(loaded, workshop, version=version, source_date=options.source_date(), refresh=refresh)
        _give_to_invoker(output)
        if finished and (freed := workshop.cache.prune(size=cache_size << 30)):
            emit(
                Notice(f"the cache was over {cache_size} GiB: {freed / 1e6:.0f} MB that were not used of late are gone")
            )
        show(summary.built(outcome, finished, time.monotonic() - started))


def _give_to_invoker(output: Path) -> None:
    """Under sudo, give what is in the output directory to who called, who then need not be root to use it."""
    if os.geteuid() == 0 and "SUDO_UID" in os.environ and "SUDO_GID" in os.environ:
        uid, gid = int(os.environ["SUDO_UID"]), int(os.environ["SUDO_GID"])
        for path in (output, *output.rglob("*")):
            os.chown(path, uid, gid, follow_symlinks=False)
