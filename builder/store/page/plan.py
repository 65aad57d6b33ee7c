"""Decides which pages of a store are to be written: those that show something else than the catalog says now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from builder.store import layout
from builder.store.catalog import Release

Catalog = Mapping[str, list[Release]]
"""The releases by their names, the one that was published last first."""


@dataclass(frozen=True)
class PagePlan:
    """The page of a release: what it is compared with, and a digest of all that decides what the page shows."""

    release: Release
    before: Release | None
    state: str

    @property
    def key(self) -> str:
        """The release as the list of pages names it."""
        return f"{self.release.name}/{self.release.version}"


def plan_pages(catalog: Catalog) -> list[PagePlan]:
    """The page of each release of a catalog."""
    return [
        PagePlan(release, before, _state(release, before))
        for releases in catalog.values()
        for release, before in _with_predecessors(releases)
    ]


def _with_predecessors(releases: list[Release]) -> Iterator[tuple[Release, Release | None]]:
    """Yield each release with the one that was published before it and that nobody withdrew."""
    for place, release in enumerate(releases):
        yield release, next((older for older in releases[place + 1 :] if not older.yanked), None)


def _state(release: Release, before: Release | None) -> str:
    compared = [before.version, before.size, before.manifest.sha256] if before else None
    shown = json.dumps([release.table(), release.manifest.sha256, compared], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


def choose(planned: list[PagePlan], written: Mapping[str, str]) -> list[PagePlan]:
    """The pages that show something else than they should, when `written` says what each page shows."""
    return [page for page in planned if written.get(page.key) != page.state]


def find_abandoned(planned: list[PagePlan], written: Mapping[str, str]) -> list[str]:
    """The paths of pages whose releases are gone."""
    gone = sorted(written.keys() - {page.key for page in planned})
    return [layout.page(*key.split("/")) for key in gone]
