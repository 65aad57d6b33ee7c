"""A store with its publisher and its readers, as the tests of stores use it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from builder.events import Event, Notice
from builder.store import catalog, reader
from builder.store.catalog import Release
from builder.store.fetch import fetch
from builder.store.publish import Candidate, Permissions, Published, Publisher, lab_file, open_or_make_store, publish
from builder.store.release import read_manifest
from builder.store.release_files import check_unsent
from builder.store.storage.interface import Storage
from builder.store.transfer import Transfers

NOTHING = Permissions()


class Case:
    """A store, a directory for releases, and what the users of the store are told."""

    def __init__(self, storage: Storage, releases: Path) -> None:
        self.storage = storage
        self.releases = releases
        self.told: list[str] = []
        self.events: list[Event] = []
        self.transfers = Transfers(self.events.append)

    def publisher(self) -> Publisher:
        return open_or_make_store(self.storage, None, self.told.append)

    def publish(
        self, release: Path, lab: str = "passed", channel: str = "", allowed: Permissions = NOTHING
    ) -> Published:
        manifest = read_manifest(release)
        check = partial(check_unsent, release, manifest)
        candidate = Candidate(release, manifest, lab, partial(lab_file, release), check)
        return publish(self.publisher(), candidate, self.transfers, channel=channel, allowed=allowed)

    def catalog(self) -> dict[str, list[Release]]:
        return catalog.read_catalog(reader.open_trusted(self.storage).targets)

    def fetch(self, name: str, wanted: str, target: Path) -> bool:
        return fetch(self.storage, catalog.find(self.catalog(), name, wanted), target, self.transfers)

    @property
    def notices(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Notice)]


def files_in(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, by its path."""
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}
