"""Versions of releases: finding the version that holds a content, and choosing the next one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pydantic_core

from builder.errors import InputError
from builder.release.manifest import FILE


class Releases(NamedTuple):
    """The releases in `directory` (`output/NAME`), with the key of the content of each, as `contents` gives them."""

    directory: Path
    contents: Mapping[str, str | None]

    @classmethod
    def read(cls, directory: Path) -> Releases:
        """The releases that are in the directory now."""
        return cls(directory, contents(directory))

    @property
    def damaged(self) -> tuple[Path, ...]:
        """The manifests that cannot be read."""
        return tuple(self.directory / version / FILE for version, content in self.contents.items() if content is None)

    def find(self, content: str, wanted: str | None) -> str | None:
        """The version of the release that holds `content`; when a version is `wanted`, only that version counts."""
        return holding(self.contents, content, wanted)

    def choose(self, wanted: str | None, source_date: int) -> Path:
        """The directory of a new release, with the version `wanted`, or else the next one of the source date.

        :raises InputError: the version wanted is taken.
        """
        return self.directory / next_version(taken(self.directory), wanted, source_date)


def contents(directory: Path) -> dict[str, str | None]:
    """The key of the content of each release below `directory` (`output/NAME`), by version.

    The key is None when the manifest cannot be read.
    """
    return {
        manifest.parent.name: _content(manifest)
        for manifest in sorted(directory.glob(f"*/{FILE}"))
        if not manifest.parent.name.startswith(".")
    }


def _content(manifest: Path) -> str | None:
    try:
        content = pydantic_core.from_json(manifest.read_bytes())["content"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if isinstance(content, str) else None


def taken(directory: Path) -> frozenset[str]:
    """The names in `directory` (`output/NAME`) that no new release can have: releases and anything else there."""
    return frozenset(path.name for path in directory.glob("*"))


def holding(releases: Mapping[str, str | None], content: str, wanted: str | None) -> str | None:
    """The version of the release that holds `content`; when a version is `wanted`, only that version counts."""
    return next((v for v, held in releases.items() if held == content and wanted in (None, v)), None)


def next_version(names: Collection[str], wanted: str | None, source_date: int) -> str:
    """The version of a new release, which none of `names` has (see `taken`).

    The version is the one `wanted`, or else the source date (seconds since 1970, UTC) as YYYY.MM.DD, with .1, .2 ...
    appended when the date is taken.

    :raises InputError: the version wanted is taken.
    """
    if wanted is not None:
        if wanted in names:
            raise InputError(
                f"release {wanted} exists and holds something else; a release is never changed",
                resolution="Give another version: VERSION=... or --version, or [image] version in the recipe.",
            )
        return wanted
    date = datetime.fromtimestamp(source_date, UTC).strftime("%Y.%m.%d")
    number = 0
    while (version := f"{date}.{number}" if number else date) in names:
        number += 1
    return version
