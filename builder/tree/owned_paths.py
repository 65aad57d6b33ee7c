"""The paths in a tree that belong to the overlay, and that no tree holds."""

from __future__ import annotations

SHADOW = "etc/shadow"
AUTHORIZED_KEYS = "etc/ssh/authorized_keys/root"
KERRIGHED_NODES = "etc/kerrighed_nodes"
TIMESYNCD = "etc/systemd/timesyncd.conf.d/nfsroot.conf"
CHRONY = "etc/chrony/sources.d/nfsroot.sources"
RSYSLOG = "etc/nfsbooted/rsyslog.conf"
ALWAYS = (
    "etc/fstab",
    "etc/hosts",
    "etc/network/interfaces",
    "etc/nfsbooted/nfsbooted.conf",
    "etc/nfsroot-release",
    "etc/resolv.conf",
    "etc/ssh/sshd_config.d/nfsroot.conf",
)
"""The paths that every overlay has."""

OWNED_PATHS = frozenset((*ALWAYS, SHADOW, AUTHORIZED_KEYS, KERRIGHED_NODES, TIMESYNCD, CHRONY, RSYSLOG, "etc/hostname"))
"""Every path that an overlay may ever own, relative to the root; the packed tree holds none of them.

No overlay has etc/hostname: a node takes its name from its address (hostname(5), nfsbooted(8)).
"""
