"""The comments at the top of settings that nfsroot makes, by which people and install.sh recognise them."""

from __future__ import annotations

from collections.abc import Sequence

from builder.settings.release import ReleaseSettings


def settings_header(releases: Sequence[ReleaseSettings]) -> str:
    """The comment at the top of server settings, which names no version, for settings outlive a release.

    With the same clusters, the next release leaves the settings as they are, and no server has to be restarted.
    install.sh finds the name of a cluster in each of the first lines.
    """
    clusters = dict.fromkeys(release.cluster for release in releases)
    return (
        "".join(f"# Settings for the servers of cluster {cluster}, made by nfsroot.\n" for cluster in clusters)
        + "# Generated: change the cluster's file or the recipe, not this file."
    )
