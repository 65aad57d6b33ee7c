"""Chooses the releases whose settings a site's servers get, from the releases that are unpacked."""

from __future__ import annotations

from dataclasses import replace

from builder.settings.release import ReleaseSettings
from builder.site.errors import RefusedError
from builder.site.selection import Records
from builder.site.state import SiteState


def served_releases(state: SiteState, records: Records) -> tuple[ReleaseSettings, ...]:
    """The release of each recipe that all its nodes boot, in the order of clusters and recipes.

    :raises RefusedError: one of these releases is not unpacked.
    """
    found = []
    for name, serving in state.recipes.items():
        if not serving.version:
            continue
        if serving.version not in records.get(name, {}):
            raise RefusedError(
                f"nodes boot {name} {serving.version}, which is not unpacked on this server",
                resolution=f"Unpack it again, or switch to a version that is here:\n"
                f"  nfsroot-site unpack {name}@{serving.version}",
            )
        found.append(records[name][serving.version].settings)
    return tuple(sorted(found, key=lambda release: (release.cluster, release.name)))


def mounting_releases(served: tuple[ReleaseSettings, ...], records: Records) -> tuple[ReleaseSettings, ...]:
    """The releases that decide the NFS server's settings: the served ones, or, where none is served, the newest ones.

    A recipe that is only unpacked leaves the NFS server's settings alone, for the server would have to be started
    again.  Each release gets the oldest NFS version of its recipe's unpacked releases, for nodes may still run any of
    them.
    """
    newest = (next(iter(versions.values())).settings for versions in records.values() if versions)
    over_nfs = [each for each in served if "nfs" in each.programs] or [e for e in newest if "nfs" in e.programs]
    return tuple(replace(each, nfs_version=_oldest_protocol(each, records)) for each in over_nfs)


def unpacked_releases(records: Records) -> tuple[ReleaseSettings, ...]:
    """All unpacked releases, the oldest first."""
    every = [record for versions in records.values() for record in versions.values()]
    return tuple(each.settings for each in sorted(every, key=lambda r: (r.origin.unpacked, r.name, r.version)))


def _oldest_protocol(release: ReleaseSettings, records: Records) -> int:
    return min(record.settings.nfs_version for record in records[release.name].values() if record.settings.nfs_version)
