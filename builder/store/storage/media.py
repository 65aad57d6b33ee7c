"""Which kind of content an object is: what web browsers are told, and what servers must not send in its place."""

from __future__ import annotations

from pathlib import PurePosixPath

from builder.store.errors import StoreError

MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml"}


def media_type(path: str) -> str:
    """The media type of the object at `path`, by the end of its name."""
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")


def refuse_page(kind: str, path: str, store: str) -> None:
    """Refuse content of the media type `kind` in place of metadata: the sign-in page of a network often is such a page.

    :raises StoreError: the object at `path` is JSON, and the content a web page.
    """
    if kind.partition(";")[0].strip().lower() == "text/html" and path.endswith(".json"):
        raise StoreError(
            f"{store} sends a web page in place of {path}",
            resolution="Check the address, and whether your network or the server wants you to sign in first.",
        )
