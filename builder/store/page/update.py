"""Brings the pages of a store up to date: the page of all releases, and those of the releases that have changed.

Nobody trusts a page: pages show people the releases of a store, and nfsroot verifies each release that it fetches.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping

from builder.errors import NfsrootError
from builder.store import layout
from builder.store.catalog import read_catalog
from builder.store.errors import NotStoredError
from builder.store.fetch import fetch_described
from builder.store.packages import read_cached_manifest
from builder.store.page.facts import collect_facts
from builder.store.page.plan import Catalog, PagePlan, choose, find_abandoned, plan_pages
from builder.store.page.render import StoreFacts, render_index, render_release
from builder.store.reader import TrustedStore
from builder.store.release import LAB, MANIFEST
from builder.store.storage.interface import Storage, Text
from builder.store.transfer import retry, run_each

MOST_BYTES = 16 << 20
"""The most bytes of the list of pages."""


def update_pages(store: TrustedStore) -> None:
    """Write the pages of a store that do not show what its signed metadata says.

    :raises NfsrootError: a page cannot be written; the store itself is as it should be.
    """
    with _translate_errors(store.storage):
        if store.storage.serves_pages:
            _update(store, read_catalog(store.targets))


def update_copy(store: TrustedStore) -> None:
    """Write the pages of a copy of a store, which tell of the releases that the copy has.

    :raises NfsrootError: a page cannot be written; the copy itself is as it should be.
    """
    with _translate_errors(store.storage):
        if store.storage.serves_pages:
            _update(store, find_held(store))


def write_all_pages(store: TrustedStore) -> int:
    """Write all pages of a store or of a copy anew; return the number of releases with a page.

    :raises UnsupportedError: nobody reads this kind of store with a web browser.
    """
    if not store.storage.serves_pages:
        raise store.storage.unsupported_error("be read by web browsers, so that it has no pages")
    held = find_held(store)
    _update(store, held, anew=True)
    return _count(held)


def find_held(store: TrustedStore) -> Catalog:
    """The releases that the metadata of a store names and whose manifests the store has: a copy may lack some."""
    catalog = read_catalog(store.targets)
    paths = {release.reference: release.path_of(MANIFEST) for releases in catalog.values() for release in releases}
    there = retry(lambda: store.storage.sizes(paths.values()))
    held = {name: [each for each in releases if paths[each.reference] in there] for name, releases in catalog.items()}
    return {name: releases for name, releases in held.items() if releases}


def _update(store: TrustedStore, catalog: Catalog, *, anew: bool = False) -> None:
    """Write the page of all releases first, since it shows the channels of the releases, and the list of pages last.

    A publisher that ends in between leaves the list of pages as it was, so that the next publisher writes the same
    pages once more.
    """
    storage = store.storage
    elsewhere = _count(read_catalog(store.targets)) - _count(catalog)
    facts = StoreFacts(store.fingerprint, store.renewed, store.version, catalog, elsewhere)
    planned = plan_pages(catalog)
    with storage.exclusive():
        written = _read_written(storage)
        _put(storage, layout.INDEX, render_index(facts))
        run_each(lambda page: _write_page(facts, storage, page), choose(planned, {} if anew else written))
        for path in find_abandoned(planned, written):
            storage.delete(path)
        states = {page.key: page.state for page in planned}
        if states != written:
            _put(storage, layout.WRITTEN_PAGES, json.dumps(states, indent=0, sort_keys=True).encode())


@contextlib.contextmanager
def _translate_errors(storage: Storage) -> Iterator[None]:
    """Turn errors of pages into one that says that the store is changed and signed all the same."""
    try:
        yield
    except NfsrootError as error:
        raise NfsrootError(
            f"{storage.address} is changed and signed, but its pages for web browsers are not up to date",
            details=str(error),
            resolution=f"nfsroot store pages {storage.address} writes them.",
        ) from error


def _write_page(facts: StoreFacts, storage: Storage, page: PagePlan) -> None:
    release, before = page.release, page.before
    report = fetch_described(storage, release, LAB) if LAB in release.files else None
    compared = (before, read_cached_manifest(storage, before)) if before else None
    told = collect_facts(release, read_cached_manifest(storage, release), report, compared)
    _put(storage, layout.page(release.name, release.version), render_release(facts, told))


def _put(storage: Storage, path: str, content: bytes) -> None:
    retry(lambda: storage.put(path, Text(content)))


def _count(catalog: Catalog) -> int:
    return sum(len(releases) for releases in catalog.values())


def _read_written(storage: Storage) -> Mapping[str, str]:
    """The state of its release that each page shows; empty when the list of pages is missing or damaged."""
    try:
        document = json.loads(retry(lambda: storage.read(layout.WRITTEN_PAGES, MOST_BYTES)))
    except (NotStoredError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    names = {key: key.split("/") for key in document}
    return {
        key: str(state)
        for key, state in document.items()
        if len(names[key]) == 2 and all(layout.NAME.fullmatch(part) for part in names[key])
    }
