"""Retention: takes old releases out of a store, and removes the blobs that no release names any more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from builder.store import catalog, layout, leases
from builder.store.catalog import Release
from builder.store.fetch import fetch_manifest
from builder.store.metadata import Targets, load
from builder.store.publish import Publisher
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Storage, Stored

GRACE = 24 * 3600
"""Seconds for which an object stays that no release names: a publisher at work may count on it."""

STATES_KEPT = 10
"""Versions of the metadata that stay: a reader may be about to ask for one that was just replaced."""


@dataclass(frozen=True)
class Plan:
    """The releases that prune removes, and the objects that no other release names."""

    releases: tuple[Release, ...]
    objects: tuple[Stored, ...]

    @property
    def size(self) -> int:
        """Bytes of the objects."""
        return sum(stored.size for stored in self.objects)


def plan(publisher: Publisher, keep: int) -> Plan:
    """Decide what goes when each name keeps its `keep` newest releases, and those that a channel names.

    :raises UnsupportedError: nobody can list the objects of this kind of store.
    """
    state = load(publisher.storage, publisher.first_root)
    known = catalog.read_catalog(state.targets)
    going = tuple(release for releases in known.values() for release in releases[keep:] if not release.channels)
    staying = [release for releases in known.values() for release in releases if release not in going]
    objects = tuple(_unnamed(publisher.storage, staying, state.version))
    return Plan(going, objects)


def prune(publisher: Publisher, planned: Plan) -> None:
    """Remove what was planned: releases from the signed metadata first, then objects that nobody names.

    :raises NfsrootError: a publisher is at work.
    """
    with publisher.storage.exclusive(), leases.held(publisher.storage, leases.PRUNE):
        if planned.releases:
            publisher.commit(lambda targets: _remove(targets, planned.releases))
        for stored in planned.objects:
            publisher.storage.delete(stored.path)
        if isinstance(publisher.storage, DirectoryStorage):
            publisher.storage.remove_unfinished(time.time() - GRACE)


def _remove(targets: Targets, releases: tuple[Release, ...]) -> None:
    """Take releases out of the targets, but those that a channel names by now."""
    known = catalog.read_catalog(targets)
    for release in releases:
        for present in known.get(release.name, []):
            if present.version == release.version and not present.channels:
                catalog.remove_release(targets, present)


def _unnamed(storage: Storage, staying: list[Release], version: int) -> Iterator[Stored]:
    """The objects of a store that are older than the grace period, and that none of the staying releases names."""
    named = set()
    for release in staying:
        named |= {layout.blob(blob.sha256) for blob in fetch_manifest(storage, release).blobs()}
        named |= set(release.paths())
    before = time.time() - GRACE
    for prefix in (layout.BLOBS, layout.RELEASES, layout.LEASES):
        for stored in storage.list(prefix):
            if stored.path not in named and stored.modified < before:
                yield stored
    for stored in storage.list(layout.METADATA):
        number, _, role = stored.path.removeprefix(layout.METADATA).partition(".")
        old = number.isdigit() and int(number) <= version - STATES_KEPT
        if old and role in ("targets.json", "snapshot.json") and stored.modified < before:
            yield stored
