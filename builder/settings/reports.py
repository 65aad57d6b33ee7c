"""Where nodes report to the server what they run: a directory that NFS exports, or one in which nginx puts reports."""

from __future__ import annotations

DIRECTORY = "/srv/nfsroot/reports"
"""Both directories are below it; data that a server serves lies below /srv (FHS 3.0, section 3.17)."""

OVER_NFS = f"{DIRECTORY}/nfs"
"""Each node writes a file with its name here."""

OVER_HTTP = f"{DIRECTORY}/http"
"""nginx writes a file here for each node, called by the node's address."""

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
