"""Decides which pages of a store have to be written: those that do not show the current state of the catalog."""

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
    """The planned page of a release: the release `before` to compare with, and a digest of all that the page shows."""

    release: Release
    before: Release | None
    state: str

    @property
    def key(self) -> str:
        """The name of the page in the list of pages: NAME/VERSION."""
        return f"{self.release.name}/{self.release.version}"


def plan_pages(catalog: Catalog) -> list[PagePlan]:
    """The planned page of each release of a catalog."""
    return [
        PagePlan(release, before, _state(release, before))
        for releases in catalog.values()
        for release, before in _with_predecessors(releases)
    ]


def _with_predecessors(releases: list[Release]) -> Iterator[tuple[Release, Release | None]]:
    """Yield each release with the last release that was published before it and is not withdrawn; None without one."""
    for place, release in enumerate(releases):
        yield release, next((older for older in releases[place + 1 :] if not older.yanked), None)


def _state(release: Release, before: Release | None) -> str:
    compared = [before.version, before.size, before.manifest.sha256] if before else None
    shown = json.dumps([release.table(), release.manifest.sha256, compared], sort_keys=True)
    return hashlib.sha256(shown.encode()).hexdigest()


def choose(planned: list[PagePlan], written: Mapping[str, str]) -> list[PagePlan]:
    """The pages that are out of date; `written` has the state that each page in the store shows."""
    return [page for page in planned if written.get(page.key) != page.state]


def find_abandoned(planned: list[PagePlan], written: Mapping[str, str]) -> list[str]:
    """The paths of pages whose releases are gone."""
    gone = sorted(written.keys() - {page.key for page in planned})
    return [layout.page(*key.split("/")) for key in gone]
