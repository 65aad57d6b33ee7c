"""Options and openings that the verbs of stores share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from builder.cli.output import write
from builder.cli.render import LOG_FORMATS
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cache import Cache
    from builder.events import Emit
    from builder.store.publish import Publisher
    from builder.store.reader import TrustedStore
    from builder.store.storage.interface import Storage
    from builder.store.transfer import Transfers

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMG]?)")
FACTORS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
AGE = re.compile(r"([0-9]+)([dh])")

MANIFEST = "manifest.json"


def _rate(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = RATE.fullmatch(value)
    if not found or float(found[1]) == 0:
        raise click.BadParameter(f"{value!r} is no rate in bytes per second, such as 500k or 20M.")
    return float(found[1]) * FACTORS[found[2]]


def _age(_ctx: click.Context, _param: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    found = AGE.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r} is no age, such as 7d or 12h.")
    return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))


to_option: Decorator = click.option(
    "--to", "store", required=True, metavar="STORE", envvar="NFSROOT_STORE", help="The store: a path, a URL or a name."
)
from_option: Decorator = click.option(
    "--from",
    "store",
    required=True,
    metavar="STORE",
    envvar="NFSROOT_STORE",
    help="The store: a path, a URL or a name.",
)
trust_option: Decorator = click.option(
    "--trust", metavar="SHA256:...", help="Trust the store with this fingerprint, or with the first root in this file."
)
max_age_option: Decorator = click.option(
    "--max-age", callback=_age, metavar="AGE", help="Refuse a store that was signed longer ago, such as 7d."
)
limit_option: Decorator = click.option(
    "--limit", callback=_rate, metavar="RATE", help="Move at most so many bytes per second, such as 20M."
)
key_option: Decorator = click.option(
    "--key",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="NFSROOT_STORE_KEY",
    help="The file with the store's online key. [default: the one that the first publish made]",
)
log_format_option: Decorator = click.option(
    "--log-format", type=click.Choice(LOG_FORMATS), help="[default: live on a terminal, else lines]"
)


def open_storage(address: str, recipe: str = "") -> Storage:
    """The store at an address, or with a short name in the user's configuration, in the recipe or in any other here."""
    from builder.store.storage.open import open_store

    return open_store(address, _warn, recipes=lambda: _recipe_files(recipe))


def _recipe_files(recipe: str) -> Iterator[Path]:
    """The file of a recipe that the user named by its path, and those in the directories of recipes."""
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


def _warn(text: str) -> None:
    write(text, err=True)


def own_cache() -> Cache:
    """The cache of whoever publishes: a build's own cache, which may be root's, where this user may write to it."""
    from builder.cli.options import cache_at

    named = os.environ.get("NFSROOT_CACHE_DIR", "")
    return cache_at(Path(named) if named and os.access(named, os.W_OK) else None)


def transfers(show: Emit, limit: float | None) -> Transfers:
    """How bytes are moved."""
    from builder.store.transfer import Limit, Transfers

    return Transfers(show, Limit(limit))


def release_directory(named: str, output: Path) -> Path:
    """The directory of a release that a user named, or of the newest release of the recipe that the user named.

    :raises InputError: there is no such release.
    """
    if (Path(named) / MANIFEST).is_file():
        return Path(named)
    if Path(named).is_dir():
        raise InputError(f"{named} holds no release", resolution="`nfsroot list` names those that there are.")
    from builder.recipe.load import load
    from builder.recipe.search import SearchPath

    releases = output / load(named, SearchPath.default()).image.name
    found = sorted(releases.glob(f"[!.]*/{MANIFEST}"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise InputError(
            f"there is no release of {named} in {releases}", resolution=f"Build one: make image RECIPE={named}"
        )
    return found[-1].parent
