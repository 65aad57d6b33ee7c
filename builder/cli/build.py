"""`nfsroot build`: builds the release of a recipe."""

from __future__ import annotations

import time
from pathlib import Path

import click

from builder import fast_path
from builder.cache import Cache
from builder.cli import options
from builder.cli.render import LOG_FORMATS, renderer
from builder.events import Caution, Emit, Event, Notice, StepFinished, Summary
from builder.fast_path import Invocation, RecordedBuild

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
    began = time.monotonic()
    cache = options.cache_at(cache_dir)
    invocation = Invocation(recipe, version, options.source_date(), str(output.absolute()), str(Path.cwd()))
    recorded = None if refresh else fast_path.find(cache, invocation)
    if recorded is None:
        with renderer(log_format, verbose) as show:
            _build(invocation, cache, output, show, engine=engine, refresh=refresh, cache_size=cache_size)
        return
    # Nothing runs: there is nothing to watch live.
    with renderer("json" if log_format == "json" else "lines", verbose) as show:
        for remark in recorded.remarks:
            show(remark)
        show(_found(recorded.directory, time.monotonic() - began))


def _build(
    invocation: Invocation, cache: Cache, output: Path, show: Emit, *, engine: str, refresh: bool, cache_size: int
) -> None:
    from builder.build import build, find_watched_files
    from builder.cli import summary
    from builder.container import choose
    from builder.host import need_for_build
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath
    from builder.workspace import Workspace

    began_to_read = time.time()
    recipe = load(invocation.recipe, SearchPath.default())
    files = (*recipe.files, *(element.path for element in recipe.elements))
    read = fast_path.take_fingerprint(files, recipe.element_directories, recipe.environment)
    need_for_build()
    began = time.monotonic()
    finished: list[StepFinished] = []
    remarks: list[Notice | Caution] = []

    def emit(event: Event) -> None:
        show(event)
        if isinstance(event, StepFinished):
            finished.append(event)
        elif isinstance(event, Notice | Caution):
            remarks.append(event)

    workspace = Workspace(cache, choose(engine), output, emit)
    outcome = build(recipe, workspace, version=invocation.version, source_date=invocation.source_date, refresh=refresh)
    fast_path.record(
        cache,
        invocation,
        RecordedBuild(outcome.directory, tuple(remarks)),
        read,
        began_to_read,
        find_watched_files(recipe, cache),
    )
    if finished and (freed := cache.prune(size=cache_size << 30)):
        emit(Notice(f"the cache was over {cache_size} GiB: {freed / 1e6:.0f} MB that were not used of late are gone"))
    seconds, made = time.monotonic() - began, outcome.directory
    show(_found(made, seconds) if outcome.found else summary.summarize_build(made, finished, seconds))


def _found(directory: Path, seconds: float) -> Summary:
    return Summary(str(directory), True, (f"Nothing changed: the release is {directory} ({seconds:.1f} s).",))
