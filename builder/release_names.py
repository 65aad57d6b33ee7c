"""The names that a release's name and version give: its whole name, and that of its server bundle."""

from __future__ import annotations


def release_name(name: str, version: str) -> str:
    """The whole name of the release `version` of the image `name`: NAME-VERSION."""
    return f"{name}-{version}"


def bundle_file(name: str, version: str) -> str:
    """The file of the release `version` of the image `name` that holds its server bundle."""
    return f"{release_name(name, version)}-server.tar.gz"
