"""The tags and annotations by which people and nfsroot find the image of a release in a registry."""

from __future__ import annotations

import re

from builder.store.storage.registry.documents import Document

TITLE = "org.opencontainers.image.title"
VERSION = "org.opencontainers.image.version"
"""The release's name and version (OCI image specification, annotations.md)."""


def image_tag(name: str, version: str) -> str:
    """The tag of a release's image: NAME-VERSION, or NAME-CHANNEL for the image to which a channel leads.

    Tags have no `+` and no `~`, and get `_` in their place.
    """
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{name}-{version}")[:128]


def is_image_of(document: Document, name: str, version: str) -> bool:
    """Whether a manifest is that of the image of this release."""
    return (document.annotations.get(TITLE), document.annotations.get(VERSION)) == (name, version)
