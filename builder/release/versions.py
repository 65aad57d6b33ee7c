"""Versions of releases: finding the one that holds a content, and naming the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from builder.errors import InputError
from builder.release.manifest import FILE, Manifest


def contents(directory: Path) -> dict[str, str]:
    """Of each release below `directory` (`output/NAME`): its version and the key of its content."""
    found = {}
    for manifest in sorted(directory.glob(f"*/{FILE}")):
        if not manifest.parent.name.startswith("."):
            found[manifest.parent.name] = Manifest.read(manifest.parent).content
    return found


def holding(releases: Mapping[str, str], content: str, wanted: str | None) -> str | None:
    """The version that holds `content`; when a version is wanted, only that one counts."""
    return next((v for v, held in releases.items() if held == content and wanted in (None, v)), None)


def next_version(releases: Mapping[str, str], wanted: str | None, source_date: int) -> str:
    """The version of a new release.

    That is the one wanted, or else the source date (seconds since 1970, UTC) as YYYY.MM.DD, with .1, .2 ...
    appended when the date has releases of other content.

    :raises InputError: the version wanted is taken by a release of other content.
    """
    if wanted is not None:
        if wanted in releases:
            raise InputError(
                f"release {wanted} exists and holds something else; a release is never changed",
                resolution="Give another version: VERSION=... or --version, or [image] version in the recipe.",
            )
        return wanted
    date = datetime.fromtimestamp(source_date, UTC).strftime("%Y.%m.%d")
    number = 0
    while (version := f"{date}.{number}" if number else date) in releases:
        number += 1
    return version
