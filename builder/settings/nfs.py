"""Settings of the NFS servers: the exports of each release, for the kernel's server and for nfs-ganesha."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from builder.headers import release_header
from builder.release_names import release_name
from builder.settings import reports
from builder.settings.exports import Export, reports_export
from builder.settings.headers import settings_header
from builder.settings.release import ReleaseSettings
from builder.settings.sizes import sizes_for
from builder.templates import fill

TEMPLATES = "builder.settings"
RELEASE_ABOUT = "Every release has a file of its own, so that nodes that run an older one keep their root."
REPORTS_ABOUT = "Nodes leave word here of what they run, as nobody: every release has these same lines."
STATE_ABOUT = "What nodes write that outlives releases: no release changes this file."


def ganesha_conf(releases: Sequence[ReleaseSettings]) -> str:
    """The text of ganesha.conf, for the nodes of all these releases."""
    return fill(
        TEMPLATES,
        "ganesha.conf",
        settings_header=settings_header(releases),
        sizes=sizes_for(releases),
        serves_version_3=any(release.nfs_version == 3 for release in releases),
    )


def export_files(release: ReleaseSettings, ids: Mapping[str, int]) -> dict[str, str]:
    """The files that export a release, by path: one for the kernel's server, one for nfs-ganesha.

    `ids` has the Export_Id of each path.
    """
    header = release_header(release.tool, release.recipe, release.name, release.version)
    return _files(release_name(release.name, release.version), header, RELEASE_ABOUT, release.exports, ids)


def state_files(release: ReleaseSettings, ids: Mapping[str, int]) -> dict[str, str]:
    """The files that export a recipe's directories that outlive releases; none where it has no such directories."""
    if not release.root.state:
        return {}
    return _files(f"{release.name}-state", settings_header([release]), STATE_ABOUT, release.state_exports, ids)


def report_files(releases: Sequence[ReleaseSettings], ids: Mapping[str, int]) -> dict[str, str]:
    """The files that export the directory of nodes' reports to every network from which they come; none for no release.

    All releases have the same files.
    """
    exports = report_exports(releases)
    return _files(reports.EXPORTS, settings_header(releases), REPORTS_ABOUT, exports, ids) if exports else {}


def report_exports(releases: Sequence[ReleaseSettings]) -> tuple[Export, ...]:
    """The exports of the directory of nodes' reports, one to each network."""
    networks = sorted({release.dhcp.subnet for release in releases if release.reports_over_nfs})
    return tuple(reports_export(str(network)) for network in networks)


def _files(name: str, header: str, about: str, exports: Sequence[Export], ids: Mapping[str, int]) -> dict[str, str]:
    values = {"header": header, "about": about, "exports": exports, "exports_name": name, "ganesha_ids": ids}
    return {
        f"etc/exports.d/{name}.exports": fill(TEMPLATES, "exports", **values),
        f"etc/ganesha/exports.d/{name}.conf": fill(TEMPLATES, "ganesha-exports.conf", **values),
    }
