"""Retention: takes old releases out of a store, and removes the blobs that no release names any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from builder.store import catalog, layout, leases
from builder.store.catalog import Release
from builder.store.fetch import fetch_manifest
from builder.store.metadata import Targets, load
from builder.store.publish import Publisher
from builder.store.storage.directory import DirectoryStorage
from builder.store.storage.interface import Storage, Stored

GRACE = 24 * 3600
"""Seconds for which an object that no release names stays in the store: a publisher at work may count on it."""

AT_ONCE = 20
"""The number of metadata versions to ask for at once, in stores that cannot list their objects."""

STATES_KEPT = 10
"""The number of versions of the metadata that stay: a reader may be about to ask for one that was just replaced."""


@dataclass(frozen=True)
class Plan:
    """The releases that prune removes, to keep the `keep` newest of each name, and objects that no other one names."""

    keep: int
    releases: tuple[Release, ...]
    objects: tuple[Stored, ...]

    @property
    def size(self) -> int:
        """The size of the objects in bytes."""
        return sum(stored.size for stored in self.objects)


def plan(publisher: Publisher, keep: int) -> Plan:
    """Plan to keep the `keep` newest releases of each name, and those that a channel names, and to remove the others.

    Where nobody can list objects, only objects that just the removed releases name are removed.  Releases within the
    grace period stay there: without the release in the metadata, nobody would find its objects again.
    """
    storage, state = publisher.storage, load(publisher.storage, publisher.first_root)
    known = catalog.read_catalog(state.targets)
    before = time.time() - GRACE
    going = tuple(
        release
        for releases in known.values()
        for release in releases[keep:]
        if not release.channels and (storage.lists or release.published < before)
    )
    staying = [release for releases in known.values() for release in releases if release not in going]
    find = _unnamed if storage.lists else partial(_named_by, going)
    return Plan(keep, going, tuple(find(storage, staying, state.version)))


def prune(publisher: Publisher, planned: Plan) -> Plan:
    """Remove the planned releases from the signed metadata first, and the planned objects after that.

    What publishers have come to need since the plan was made stays: a release that a channel names now, an object that
    a new release names.  The result is the part of the plan that was carried out.

    :raises NfsrootError: a publisher is at work.
    """
    with publisher.storage.exclusive(), _at_work(publisher.storage, planned):
        now = plan(publisher, planned.keep)
        releases, objects = {(each.name, each.version) for each in now.releases}, {each.path for each in now.objects}
        done = Plan(
            planned.keep,
            tuple(release for release in planned.releases if (release.name, release.version) in releases),
            tuple(stored for stored in planned.objects if stored.path in objects),
        )
        if done.releases:
            publisher.commit(lambda targets: _remove(targets, done.releases))
        for stored in done.objects:
            publisher.storage.delete(stored.path)
        if isinstance(publisher.storage, DirectoryStorage):
            publisher.storage.remove_unfinished(time.time() - GRACE)
    return done


def _at_work(storage: Storage, planned: Plan) -> AbstractContextManager[None]:
    return leases.hold_lease(storage, leases.PRUNE, [stored.path for stored in planned.objects])


def _remove(targets: Targets, releases: tuple[Release, ...]) -> None:
    """Take releases out of the targets, except those that a channel names by now."""
    known = catalog.read_catalog(targets)
    for release in releases:
        for present in known.get(release.name, []):
            if present.version == release.version and not present.channels:
                catalog.remove_release(targets, present)


def _unnamed(storage: Storage, staying: list[Release], version: int) -> Iterator[Stored]:
    """The objects of a store that are older than the grace period, and that none of the staying releases names."""
    named = set(_name_objects(storage, staying))
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


def _named_by(going: Sequence[Release], storage: Storage, staying: Sequence[Release], version: int) -> Iterator[Stored]:
    """The objects that the removed releases name, those that a killed pruner left, and old versions of the metadata.

    No object of a staying release is among them.  The age of the objects is not known here: all count as last changed
    in 1970.
    """
    named = _name_objects(storage, staying)
    left = {path: size for path, size in _name_objects(storage, going).items() if path not in named}
    unfinished = [path for path in leases.find_unfinished(storage) if path not in named]
    for path, size in {**storage.sizes(unfinished), **left, **_find_old_metadata(storage, version)}.items():
        yield Stored(path, size, 0.0)


def _name_objects(storage: Storage, releases: Sequence[Release]) -> dict[str, int]:
    """The paths of all objects that releases name, with their sizes."""
    named: dict[str, int] = {}
    for release in releases:
        named |= {layout.blob(blob.sha256): blob.size for blob in fetch_manifest(storage, release).blobs()}
        named |= {release.path_of(file): blob.size for file, blob in release.files.items()}
    return named


def _find_old_metadata(storage: Storage, version: int) -> dict[str, int]:
    """Old versions of metadata, back to a gap that an earlier prune or `store keys recover` left."""
    found: dict[str, int] = {}
    for newest in range(version - STATES_KEPT, 0, -AT_ONCE):
        numbers = range(newest, max(0, newest - AT_ONCE), -1)
        here = storage.sizes(layout.metadata(role, number) for number in numbers for role in ("targets", "snapshot"))
        if not here:
            break
        found |= here
    return found
