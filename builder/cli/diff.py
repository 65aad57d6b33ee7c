"""`nfsroot diff`: compares two releases, or a release and the next build of a recipe."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli import options, store_options
from builder.cli.output import write
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cache import Cache
    from builder.difference.compare import Difference
    from builder.difference.subject import Subject
    from builder.release.source import ReleaseSource
    from builder.store.reader import TrustedStore


@click.command("diff")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Print the difference as JSON.")
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write a page to FILE."
)
@click.option("--from", "store", metavar="STORE", envvar="NFSROOT_STORE", help="The store of NAME@VERSION.")
@store_options.trust_option
@options.cache_option
def command(
    before: str,
    after: str,
    as_json: bool,
    page: Path | None,
    store: str | None,
    trust: str | None,
    cache_dir: Path | None,
) -> None:
    """Show what differs between A and B: two releases, or a release and a recipe.

    A release is its directory, or NAME@VERSION or NAME@CHANNEL in the store that --from names.

    For a recipe, the changes of its next build are shown, as far as they are known before the build.

    \b
    Examples:
      nfsroot diff output/kerrighed/2026.01.31 output/kerrighed/2026.02.07
      nfsroot diff output/kerrighed/2026.01.31 kerrighed
      nfsroot diff kerrighed@stable kerrighed@test --from /srv/artifacts
      nfsroot diff output/kerrighed/2026.01.31 output/kerrighed/2026.02.07 --html diff.html
    """
    if as_json and page:
        raise click.UsageError("--json and --html exclude each other.")
    trusted = store_options.open_trusted(store, trust) if store else None
    difference = _compare(before, after, options.cache_at(cache_dir), trusted)
    if as_json:
        from builder.difference.compare import SCHEMA_VERSION

        document = {"schema_version": SCHEMA_VERSION, **asdict(difference)}
        write(json.dumps(document, indent=1, ensure_ascii=False).encode(errors="backslashreplace"))
    elif page:
        _write_page(difference, page)
    else:
        from builder.cli.diff_text import show

        show(difference)


def _compare(before: str, after: str, cache: Cache, store: TrustedStore | None) -> Difference:
    from builder.difference.compare import compare
    from builder.difference.planned import leave_out_shadow
    from builder.difference.subject import read_release

    if not (_is_recipe(before) or _is_recipe(after)):
        return compare(*(read_release(_find(each, store)) for each in (before, after)))
    if _is_recipe(before) and _is_recipe(after):
        raise InputError(
            f"neither {before} nor {after} is the directory of a release",
            resolution="`nfsroot list` shows the releases; one of A and B may be a recipe.",
        )
    release = leave_out_shadow(read_release(_find(after if _is_recipe(before) else before, store)))
    if _is_recipe(before):
        return compare(_read_recipe(before, release, cache), release)
    return compare(release, _read_recipe(after, release, cache))


def _is_recipe(reference: str) -> bool:
    """Whether a reference is a recipe's name or file; other references are releases."""
    named = "/" not in reference or reference.endswith(".toml")
    return not Path(reference).is_dir() and named and not _is_stored(reference)


def _is_stored(reference: str) -> bool:
    """Whether a reference names a release in a store."""
    return "@" in reference and "/" not in reference and not Path(reference).exists()


def _find(reference: str, store: TrustedStore | None) -> ReleaseSource:
    """The release that a reference names, in a directory or in a store."""
    from builder.release.source import DirectorySource

    if not _is_stored(reference):
        return DirectorySource.find(Path(reference))
    if store is None:
        raise InputError(f"{reference} is a release in a store", resolution="Name the store: --from STORE.")
    from builder.store import catalog
    from builder.store.source import StoreSource

    known = catalog.read_catalog(store.targets)
    return StoreSource(store.storage, catalog.find(known, *catalog.parse_reference(reference)))


def _read_recipe(reference: str, release: Subject, cache: Cache) -> Subject:
    from builder.build import check, plan
    from builder.difference.planned import read_recipe

    recipe = check(options.load_recipe(reference), cache)
    manifest = release.manifest
    planned = plan(recipe, cache, Path("output"), version=manifest.version, source_date=manifest.source_date)
    return read_recipe(recipe, planned, release, cache)


def _write_page(difference: Difference, page: Path) -> None:
    from builder.difference.page import render

    try:
        page.write_text(render(difference), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{page} cannot be written: {error.strerror}") from error
    write(f"Wrote {page}.")
