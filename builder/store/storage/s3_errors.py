"""Turns errors of the S3 library into errors of a store.

The library has classes for few errors; its texts name the status and hold the server's answer, which is XML
("Error responses" in the "Amazon S3 API Reference").
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from builder.store.errors import (
    NotStoredError,
    OvertakenError,
    PermissionRefusedError,
    StoreError,
    StoreFullError,
    TransientError,
)

STATUS = re.compile(r"Server returned non-2xx status code: (\d{3}) ?([A-Za-z -]*)")
CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")
MESSAGE = re.compile(r"<Message>([^<]+)</Message>")
CAUSE = re.compile(r"""(?:message|error): "([^"]+)"|\b(TimedOut|Incomplete\w+|InvalidCertificate\(\s*\w+)""")
"""The library's words for a connection that failed; the last of several is the first cause."""

WORDS = {
    "TimedOut": "the server said nothing for too long",
    "IncompleteBody": "the connection ended in the middle of an object",
    "IncompleteMessage": "the connection ended before the answer",
}
FULL = ("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage")
TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504)
ALLOWED = "s3:GetObject, s3:ListBucket, and for publishers s3:PutObject and s3:DeleteObject"


@contextlib.contextmanager
def translate_errors(path: str, store: str) -> Iterator[None]:
    """Turn errors of the library at the object `path` into those of a store."""
    try:
        yield
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise explain(error, path, store) from error


def explain(error: Exception, path: str, store: str) -> StoreError:
    """The error of a store for an error of the library."""
    text, _, debug = str(error).partition("\n\nDebug source:")
    code, status = _first(CODE, text), int(_first(STATUS, text) or 0)
    details = _answer(text) if status else _cause(text, debug)
    if "InvalidCertificate" in debug:
        return StoreError(
            f"the certificate of the server of {store} is not accepted",
            details=details,
            resolution="Name the certificate of your site's authority as `ca_file` in the store's configuration.",
        )
    if code == "NoSuchBucket":
        return StoreError(f"the bucket of {store} does not exist", resolution="Make the bucket, or name another one.")
    if isinstance(error, FileNotFoundError):
        return NotStoredError(f"{store} holds no {path}")
    if isinstance(error, AlreadyExistsError | PreconditionError):
        return OvertakenError(
            f"another publisher changed {path} in {store} meanwhile", resolution="Run the command again."
        )
    if code == "RequestTimeTooSkewed":
        return PermissionRefusedError(f"{store} refuses the request: this machine's clock is wrong", details=details)
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return PermissionRefusedError(
            f"{store} refuses access to {path}",
            details=details,
            resolution=f"Check access key and secret, and that they are allowed {ALLOWED}.",
        )
    if status == 507 or code in FULL:
        return StoreFullError(f"{store} takes no more bytes", details=details)
    if status in TRANSIENT or not status:
        return TransientError(f"a request for {path} in {store} failed", details=details)
    return StoreError(f"{store} refuses a request for {path}", details=details)


def _answer(text: str) -> str:
    """A sentence with the status of the answer and the server's own words."""
    status = STATUS.search(text)
    assert status, "the caller has found it"
    words = ": ".join(filter(None, (_first(CODE, text), _first(MESSAGE, text))))
    return f"The server says: {status[1]} {status[2].strip()}{f', {words}' if words else ''}"


def _cause(text: str, debug: str) -> str:
    """The cause of a request without an answer, in words."""
    causes = [found[1] or WORDS.get(found[2], found[2]) for found in CAUSE.finditer(debug)]
    return causes[-1] if causes else " ".join(text.rpartition(" - ")[2].split())


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
