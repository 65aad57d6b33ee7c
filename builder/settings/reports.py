"""Facts about nodes' reports: the directories that NFS exports or nginx writes to, their owners and options."""

from __future__ import annotations

DIRECTORY = "/srv/nfsroot/reports"
"""The directory above those of all reports; data that a server serves lies below /srv (FHS 3.0, section 3.17)."""

OVER_NFS = f"{DIRECTORY}/nfs"
"""The directory in which each node writes a file with its name, over NFS."""

OVER_HTTP = f"{DIRECTORY}/http"
"""The directory in which nginx writes a file for each node, whose name is the node's address."""

HTTP_PATH = "/report"
"""The path of the URL to which nodes send their reports."""

HTTP_OWNER = 33
"""User and group www-data, as whom Debian's nginx writes (/usr/share/base-passwd)."""

NFS_OWNER = 65534
"""The user nobody and the group nogroup, who every client is to the NFS server (/usr/share/base-passwd)."""

EXPORTS = "nfsroot-reports"
"""The name of the files that export OVER_NFS: every release of every recipe has the same ones."""

NFS_OPTIONS = {
    3: "soft,timeo=50,retrans=1,retry=0,nolock,nosuid,nodev,noexec,vers=3",
    4: "soft,timeo=50,retrans=1,retry=0,nosuid,nodev,noexec,vers=4",
}
"""Options with which a node mounts OVER_NFS, by the version of NFS: it soon gives up a server that is away (nfs(5))."""
