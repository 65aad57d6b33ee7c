"""The exports of all releases on a site: nodes that run an older release keep their root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from builder.settings.exports import Export, ganesha_ids
from builder.settings.nfs import export_files, report_exports, report_files, state_files
from builder.settings.release import ReleaseSettings


@dataclass(frozen=True)
class Exports:
    """The settings with all exports, by path, for both NFS servers; and the Export_Id of each exported path."""

    files: Mapping[str, str]
    ids: Mapping[str, int]


def compose_exports(
    unpacked: Sequence[ReleaseSettings], served: Sequence[ReleaseSettings], taken: AbstractSet[int] = frozenset()
) -> Exports:
    """The exports of all unpacked releases, of files that outlive releases, and of nodes' reports.

    `unpacked` has the oldest release first, which keeps its Export_Ids when another release comes.  `taken` are
    Export_Ids of exports that are not the site's.
    """
    over_nfs = [release for release in unpacked if "nfs" in release.programs]
    states = [_with_all_state(release, over_nfs) for release in _newest(over_nfs, served)]
    every = [*(e for release in over_nfs for e in release.exports), *(e for each in states for e in each.state_exports)]
    ids = ganesha_ids((*dict.fromkeys(every), *report_exports(over_nfs)), taken)
    files = {path: text for release in over_nfs for path, text in export_files(release, ids).items()}
    files |= {path: text for release in states for path, text in state_files(release, ids).items()}
    return Exports(files | report_files(over_nfs, ids), ids)


def _newest(unpacked: Sequence[ReleaseSettings], served: Sequence[ReleaseSettings]) -> list[ReleaseSettings]:
    """The release of each recipe that decides which files outlive releases: the served one, else the newest one."""
    return list({release.name: release for release in (*unpacked, *served) if "nfs" in release.programs}.values())


def _with_all_state(release: ReleaseSettings, unpacked: Sequence[ReleaseSettings]) -> ReleaseSettings:
    """A release with the state exports of all its recipe's releases, its own first."""
    exports: dict[str, Export] = {export.path: export for export in release.state_exports}
    for other in unpacked:
        if other.name == release.name:
            exports = {**{export.path: export for export in other.state_exports}, **exports}
    own = {export.path for export in release.state_exports}
    others = [export for path, export in exports.items() if path not in own]
    return replace(release, state_exports=(*release.state_exports, *others))
