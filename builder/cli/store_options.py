"""Options that the verbs of stores share, and functions that open stores to change them.

Options of verbs that only read stores are in builder.cli.reading_options.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.reading_options import MANIFEST as MANIFEST
from builder.cli.reading_options import Decorator, warn
from builder.cli.reading_options import from_option as from_option
from builder.cli.reading_options import limit_option as limit_option
from builder.cli.reading_options import log_format_option as log_format_option
from builder.cli.reading_options import max_age_option as max_age_option
from builder.cli.reading_options import transfers as transfers
from builder.cli.reading_options import trust_option as trust_option
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cache import Cache
    from builder.store.publish import Publisher
    from builder.store.reader import TrustedStore
    from builder.store.storage.interface import Storage

to_option: Decorator = click.option(
    "--to", "store", required=True, metavar="STORE", envvar="NFSROOT_STORE", help="The store: a path, a URL or a name."
)
key_option: Decorator = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="NFSROOT_STORE_KEY",
    help="The file with the store's online key. [default: the one that the first publish made]",
)


def open_storage(address: str, recipe: str = "") -> Storage:
    """The store at an address, or with a short name in the user's configuration, in the recipe or in any other here."""
    from builder.store.storage.open import open_store

    return open_store(address, warn, recipes=lambda: _recipe_files(recipe))


def _recipe_files(recipe: str) -> Iterator[Path]:
    """Yield the file of the recipe, if the user named it by its path, and the files in the directories of recipes."""
    from builder.recipe.search import SearchPath, is_path

    if is_path(recipe) and Path(recipe).is_file():
        yield Path(recipe)
    yield from SearchPath.default().recipe_files()


def open_trusted(address: str, trust: str | None = None, max_age: timedelta | None = None) -> TrustedStore:
    """The store at an address, verified."""
    from builder.store import reader

    return reader.open_trusted(open_storage(address), trust, max_age)


def open_publisher(address: str, key: Path | None) -> Publisher:
    """The store at an address, with the keys that change it."""
    from builder.store.publish import open_publisher as opened

    return opened(open_storage(address), key)


def own_cache() -> Cache:
    """The cache of the user who publishes: that of builds where this user may write to it, else the user's own."""
    from builder.cli.options import cache_at

    named = os.environ.get("NFSROOT_CACHE_DIR", "")
    return cache_at(Path(named) if named and os.access(named, os.W_OK) else None)


def release_directory(named: str, output: Path) -> Path:
    """The directory of a release that a user named, or of the newest release of the recipe that the user named.

    :raises InputError: there is no such release.
    """
    if (Path(named) / MANIFEST).is_file():
        return Path(named)
    if Path(named).is_dir():
        raise InputError(f"{named} holds no release", resolution="`nfsroot list` shows the releases that exist.")
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath

    releases = output / load(named, SearchPath.default()).image.name
    found = sorted(releases.glob(f"[!.]*/{MANIFEST}"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise InputError(
            f"there is no release of {named} in {releases}", resolution=f"Build one: make image RECIPE={named}"
        )
    return found[-1].parent
