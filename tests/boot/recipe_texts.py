"""The texts of recipes whose nodes are booted; each recipe extends a shipped one."""

from __future__ import annotations

OWN_UEFI_LOADER = """\
[boot]
uefi = "x86_64-efi"
[login]
ssh_keys = ["{key}"]
[kernel]
arguments = {arguments}
"""
"""UEFI nodes load pxegrub.efi instead of the signed chain, and somebody may log in."""

LOGS = """\
[logs]
server = "cluster"
"""
"""Nodes send what they log to the cluster's server."""

NFS_4 = f"""\
{LOGS}
[root]
nfs_version = 4
"""
"""Nodes mount their root and their shared directories by NFSv4."""

OVER_HTTP = """\
[boot]
transport = "http"
"""
"""Nodes load over HTTP."""

IMAGE_OVER_HTTP = f"""\
{OVER_HTTP}
serial = "ttyS0,115200"
[root]
transport = "http"
format = "erofs"
"""
"""Nodes fetch all that they need over HTTP, and speak on a serial line; the image is of the other format."""

BOOKWORM = f"""\
{LOGS}
[debian]
suite = "bookworm"
"""

I386 = """\
[debian]
suite = "bookworm"
architecture = "i386"
[boot]
variants = ["i386-pc"]
"""
