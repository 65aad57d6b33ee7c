"""Turns the status of a web server's answer into an error of a store (RFC 9110 section 15)."""

from __future__ import annotations

from http import HTTPStatus

from builder.store.errors import (
    NotStoredError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
    TransientError,
    UnsupportedError,
)
from builder.store.storage.connections import Answer, translate_errors

MISSING = (404, 410)
UNKNOWN_METHOD = (405, 501)
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
EXCERPT = 300
"""Characters of a server's explanation that an error shows."""

WRITABLE = "Publish to a server that takes files by PUT, or to the directory that this server shows."


def explain_status(answer: Answer, what: str, store: str, secret: str) -> StoreError:
    """The error that says why the server did not `what`, an action and an object ("send PATH").

    The `secret` of the store, if there is one, never stands in the error.
    """
    status = answer.status
    said = _explanation(answer, secret)
    brief = f"{store} does not {what}: {status} {_phrase(status)}"
    if status in MISSING:
        return NotStoredError(f"{store} does not {what}: there is no such object ({status})", details=said)
    if status in (401, 403):
        return PermissionRefusedError(brief, details=said, resolution=_credentials(bool(secret), answer.introduced))
    if status == 407:
        return PermissionRefusedError(brief, resolution="Write the proxy's user and password into its variable.")
    if status in TRANSIENT:
        return TransientError(brief, details=said)
    if status == 507:
        return StoreFullError(brief, details=said, resolution="Make room on the server.")
    if status in UNKNOWN_METHOD:
        return UnsupportedError(brief, details=said, resolution=WRITABLE)
    if status == 413:
        return StoreError(brief, details=said, resolution="Raise the server's limit (nginx: client_max_body_size).")
    if 300 <= status < 400:
        return StoreError(brief, details=said, resolution="Use the address to which the server redirects.")
    return StoreError(brief, details=said)


def _credentials(known: bool, introduced: bool) -> str:
    if known and not introduced:
        return "The server redirects to another server, which does not get the credentials: use that one's address."
    if known:
        return "Check the user, and the password or token, of this store, and what the server allows them to do."
    return "Give a user or a token for this store in the configuration of nfsroot, or in ~/.netrc."


def _explanation(answer: Answer, secret: str) -> str:
    """The beginning of the server's own words, if they are plain text or JSON, on one line."""
    if answer.kind not in ("text/plain", "application/json", "application/problem+json"):
        return ""
    try:
        with translate_errors(answer.url):
            text = answer.response.read(4 * EXCERPT, decode_content=False).decode(errors="replace")
    except TransientError:
        return ""  # the status says enough
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:EXCERPT])
    shown = shown.replace(secret, "...") if secret else shown
    return f"The server says: {' '.join(shown.split())}" if shown.strip() else ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "(unknown status)"
