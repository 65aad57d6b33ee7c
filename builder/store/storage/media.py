"""The media types of objects: those for web browsers, and a check that a server sends no web page in place of JSON."""

from __future__ import annotations

from pathlib import PurePosixPath

from builder.store.errors import StoreError

MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml"}


def media_type(path: str) -> str:
    """The media type of the object at `path`, by the end of its name."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")


def refuse_page(kind: str, path: str, store: str) -> None:
    """Refuse a web page, such as the sign-in page of a network, in place of metadata; `kind` is its media type.

    :raises StoreError: the object at `path` is JSON, and the content is a web page.
    """
    if kind.partition(";")[0].strip().lower() == "text/html" and path.endswith(".json"):
        raise StoreError(
            f"{store} sends a web page in place of {path}",
            resolution="Check the address, and whether your network or the server wants you to sign in first.",
        )
