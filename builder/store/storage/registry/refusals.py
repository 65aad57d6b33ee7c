"""Explains why a registry refuses a request."""

from __future__ import annotations

from builder.store.errors import PermissionRefusedError, StoreError, StoreFullError, TransientError, UnsupportedError
from builder.store.storage.answers import explain_status
from builder.store.storage.connections import Answer

FULL = ("no space left on device", "disk quota exceeded")
"""The words of a registry with a full disk, which are those of strerror(3); the status is 500."""

UNKNOWN_BLOB = "MANIFEST_BLOB_UNKNOWN"
"""The code of a registry's refusal of a manifest whose blobs it does not have.

docker-registry gives this code also while another publisher sends one of the blobs, because it empties a file before
it writes it."""


def explain_refusal(answer: Answer, what: str, host: str, who: str) -> StoreError:
    """The error that says why the registry at `host` did not `what`, an action and an object, for `who`."""
    error = explain_status(answer, what, f"the registry at {host}", "")
    if isinstance(error, PermissionRefusedError):
        return PermissionRefusedError(
            f"{error.brief}, for {who}",
            details=error.details,
            resolution=f"Run\n\n    podman login {host}\n\nor name a user and a password in the store's configuration.",
        )
    if isinstance(error, StoreFullError) or any(words in error.details.lower() for words in FULL):
        return StoreFullError(
            f"the registry at {host} has no room left",
            details=error.details,
            resolution="Remove old releases with `nfsroot store prune`, then run the registry's garbage collection.",
        )
    if UNKNOWN_BLOB in error.details:
        return TransientError(error.brief, details=error.details)
    if isinstance(error, UnsupportedError):
        return UnsupportedError(
            error.brief,
            details=error.details,
            resolution="Enable deletion in the registry (docker-registry: `storage: delete: enabled: true`).",
        )
    return error
