"""Names that a builder and an NFS server share: those of a release and its server bundle, and of what servers serve."""

from __future__ import annotations

TFTP_DIRECTORY = "srv/tftp"
"""The directory that TFTP and HTTP server serve, relative to the root of the server's file system."""

MENUS = f"{TFTP_DIRECTORY}/grub"
"""The directory of the nodes' menus, relative to the root of the server's file system."""


def release_name(name: str, version: str) -> str:
    """The whole name of the release `version` of the image `name`: NAME-VERSION."""
    return f"{name}-{version}"


def bundle_file(name: str, version: str) -> str:
    """The file of the release `version` of the image `name` that holds its server bundle."""
    return f"{release_name(name, version)}-server.tar.gz"
