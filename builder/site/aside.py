"""Removes releases in two steps: sets their records aside, then removes all their directories.

The record of a release that is to go is renamed to `.VERSION.pruned`: from then on the release counts as not unpacked.
When a run is killed, the next one finds in these records which directories are still to be removed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from builder.disk import sync
from builder.site.places import Places
from builder.site.records import Record
from builder.site.staging import Staging

SUFFIX = ".pruned"
GONE = ".gone"
"""The suffix of a record whose release is removed, but for the record itself."""


def set_aside(records: Iterable[Record]) -> None:
    """Mark releases as not unpacked: settings that are composed from now on do not export them."""
    for record in records:
        if record.directory.exists():
            record.directory.rename(_aside(record.directory))
            sync(record.directory.parent)


def remove_set_aside(places: Places) -> None:
    """Remove all directories of releases that were set aside, which nobody exports any more.

    Each directory is renamed before the first of its files goes: nobody finds half a tree under its name.
    """
    for directory in sorted(places.releases.glob(f"*/.*{SUFFIX}")):
        record = Record(directory)
        for target in _targets(places, record):
            if target.exists():
                target.rename(_aside(target))
            if _aside(target).exists():
                shutil.rmtree(_aside(target))
            _remove_empty(target.parent)
        directory.rename(directory.with_suffix(GONE))
    for directory in places.releases.glob(f"*/.*{GONE}"):
        shutil.rmtree(directory)
        _remove_empty(directory.parent)


def _targets(places: Places, record: Record) -> list[Path]:
    """The directories of a release beside its record: tree, shared directories, served files, and fetched files."""
    settings = record.settings
    fetched = places.fetched / settings.name / settings.version
    return [*(stage.target for stage in Staging.of(places, settings).stages), fetched]


def _aside(directory: Path) -> Path:
    return directory.with_name(f".{directory.name}{SUFFIX}")


def _remove_empty(directory: Path) -> None:
    """Remove a recipe's directory when nothing is left in it."""
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
