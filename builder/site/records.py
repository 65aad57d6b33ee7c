"""The records of the releases that are unpacked on a site: settings that a release asks of the server, menus, origin.

A record is the directory releases/NAME/VERSION of the site's data.  It has the release's manifest.json and
tree.tsv.zst, `record.json`, and below `bundle` the text files of the release's server bundle.  A release is unpacked
when its record is there: the record appears last and goes first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from builder.errors import NfsrootError
from builder.release_names import MENUS
from builder.settings import release
from builder.settings.release import ReleaseSettings
from builder.site.files import read_file
from builder.site.places import Places

FILE = "record.json"
BUNDLE = "bundle"
"""The directory of the menus in the bundle."""


@dataclass(frozen=True)
class Origin:
    """The origin of an unpacked release.

    `source` is the address of a store or a directory of this machine, `unpacked` a time in seconds since 1970 (UTC),
    `manifest` the SHA-256 of the release's manifest.  `lab` is the lab's verdict in words, as the source had it.
    """

    source: str
    unpacked: int
    manifest: str
    lab: str = ""


@dataclass(frozen=True)
class Record:
    """The record in `directory` of a release that is unpacked here."""

    directory: Path

    @property
    def name(self) -> str:
        """The release's name."""
        return self.directory.parent.name

    @property
    def version(self) -> str:
        """The release's version."""
        return self.directory.name

    @cached_property
    def settings(self) -> ReleaseSettings:
        """The settings that the release asks of its server."""
        file = self.directory / BUNDLE / release.FILE
        return release.parse(_read(file), str(file))

    @cached_property
    def origin(self) -> Origin:
        """The origin of the release."""
        file = self.directory / FILE
        try:
            table = json.loads(_read(file))
            return Origin(**{key: table[key] for key in ("source", "unpacked", "manifest", "lab")})
        except (ValueError, LookupError, TypeError) as error:
            raise NfsrootError(f"{file} cannot be read: {error!r}") from error

    @cached_property
    def menus(self) -> Mapping[str, str]:
        """The texts of the release's menus by their names: HOST, HOST.cfg, MAC.cfg, grub.cfg, default, default.cfg."""
        directory = self.directory / BUNDLE / MENUS
        with os.scandir(directory) as files:
            return {file.name: _read(file.path).decode() for file in files}


class StagedRecord(Record):
    """The record in `directory` of a release that is not in its place yet: `.VERSION.unpacking` (builder.site.staging).

    All else is as with an unpacked release.
    """

    @property
    def version(self) -> str:
        """The release's version."""
        return self.settings.version


def write_origin(directory: Path, origin: Origin) -> None:
    """Write record.json into the directory of a record that is being made."""
    (directory / FILE).write_text(json.dumps(asdict(origin), indent=1) + "\n", encoding="utf-8")


def read_records(places: Places) -> dict[str, dict[str, Record]]:
    """The records of all unpacked releases, by name and version; the release that was unpacked last comes first."""
    found: dict[str, dict[str, Record]] = {}
    for file in sorted(places.releases.glob(f"[!.]*/[!.]*/{FILE}")):
        record = Record(file.parent)
        found.setdefault(record.name, {})[record.version] = record
    return {
        name: dict(sorted(versions.items(), key=lambda item: -item[1].origin.unpacked))
        for name, versions in found.items()
    }


def _read(file: Path | str) -> bytes:
    try:
        return read_file(str(file))
    except OSError as error:
        raise NfsrootError(
            f"{file} cannot be read: {error.strerror}", resolution="Unpack the release once more."
        ) from error
