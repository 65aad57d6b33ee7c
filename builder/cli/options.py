"""Options that several verbs share."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from builder.cache import Cache
from builder.cli.output import write
from builder.errors import InputError
from builder.recipe.search import SearchPath

if TYPE_CHECKING:
    from builder.recipe.models import Recipe

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _complete_recipe(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = SearchPath.default().recipe_names()
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _checked_version(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None:
        from builder.recipe.patterns import VERSION

        if not VERSION.matches(value):
            raise click.BadParameter(f"{value!r} is not made of {VERSION.words}.")
    return value


recipe_argument: Decorator = click.argument("recipe", shell_complete=_complete_recipe)

cache_option: Decorator = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="NFSROOT_CACHE_DIR",
    help="Directory of the cache. [default: $XDG_CACHE_HOME/nfsroot or ~/.cache/nfsroot]",
)
cache_size_option: Decorator = click.option(
    "--cache-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    metavar="GIB",
    envvar="NFSROOT_CACHE_SIZE",
    help="Greatest size of the cache in GiB; a build removes what was used least recently beyond it.",
)
output_option: Decorator = click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("output"),
    show_default=True,
    help="Directory into which releases are written.",
)
version_option: Decorator = click.option(
    "--version",
    "version",
    metavar="VERSION",
    envvar="VERSION",
    callback=_checked_version,
    help="Version of the release. [default: a date]",
)


def load_recipe(name_or_path: str) -> Recipe:
    """The recipe of this name or path; standard error names each key that has another name now."""
    from builder.recipe.load import load

    recipe = load(name_or_path, SearchPath.default())
    for notice in recipe.notices:
        write(notice, err=True)
    return recipe


def cache_at(directory: Path | None) -> Cache:
    """The cache in `directory`, or in its place according to the XDG base directory specification."""
    if directory is None:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        directory = Path(base).expanduser() / "nfsroot"
    return Cache(directory.absolute())


def source_date() -> int | None:
    """SOURCE_DATE_EPOCH of the environment (the reproducible-builds.org specification), in seconds.

    A file of the build that is newer than this time gets this time.  A time in the future would change no file.

    :raises InputError: it is not a number, or a time in the future.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", text) or int(text) > time.time():
        shown = text if len(text) <= 40 else f"{text[:40]}..."
        raise InputError(
            f"SOURCE_DATE_EPOCH is {shown!r}, not a number of seconds from 1970 until now ({time.time():.0f})",
            resolution="Set it to seconds since 1970-01-01 UTC, or unset it.",
        )
    return int(text)
