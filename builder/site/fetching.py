"""Finds the release that is to be unpacked in a store, and fetches it into the site's own data.

The libraries of stores take a tenth of a second to import, for which a release of a directory does not wait.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from builder.errors import NfsrootError
from builder.events import Caution
from builder.site import journal, withdrawn
from builder.site.places import Places
from builder.site.source import Source
from builder.store import catalog
from builder.store.catalog import Release
from builder.store.fetch import fetch, fetch_manifest
from builder.store.reader import TrustedStore
from builder.store.release import ReleaseManifest, read_manifest
from builder.store.release_files import check_files
from builder.store.transfer import Transfers


def find_in_store(places: Places, store: TrustedStore, reference: str, *, allow_yanked: bool) -> Release:
    """The release NAME[@VERSION|@CHANNEL] of a store; the site keeps which releases of the store were withdrawn.

    :raises InputError: the store has no such release.
    :raises RefusedError: the release was withdrawn.
    """
    offered = catalog.read_catalog(store.targets)
    with journal.locked(places):
        withdrawn.keep(places, store.storage.address, (each for named in offered.values() for each in named))
    return catalog.find_offered(offered, reference, allow_yanked=allow_yanked, verb="Unpack")


def fetch_from_store(places: Places, store: TrustedStore, release: Release, transfers: Transfers) -> Source:
    """Fetch a release of a store into the site's own data; parts that are there already are not fetched again.

    :raises UntrustedError: the store holds other bytes than those that were signed.
    """
    for sentence in catalog.find_cautions(release):
        transfers.emit(Caution(sentence))
    target = places.fetched / release.name / release.version
    if target.exists() and not _is_sound(target, fetch_manifest(store.storage, release)):
        shutil.rmtree(target)
    fetch(store.storage, release, target, transfers)
    return Source(target, read_manifest(target), store.storage.address, release.lab)


def forget_others(places: Places, name: str, version: str) -> None:
    """Remove the fetched releases of a recipe but for one version, from which the next fetch takes parts."""
    for directory in (places.fetched / name).glob("[!.]*"):
        if directory.name != version:
            shutil.rmtree(directory)


def _is_sound(directory: Path, manifest: ReleaseManifest) -> bool:
    """Whether a directory holds the release with this manifest, whole and undamaged."""
    try:
        check_files(directory, manifest.files)
        return read_manifest(directory).content == manifest.content
    except NfsrootError:
        return False
