"""The errors of stores.  Each error says what happened, in which store, and how to correct it."""

from __future__ import annotations

from builder.errors import NfsrootError


class StoreError(NfsrootError):
    """A store cannot be read or written."""


class NotStoredError(StoreError):
    """The store has no object under the path."""


class TransientError(StoreError):
    """The network or the server failed in a way that may pass: another try of the request may succeed."""


class PermissionRefusedError(StoreError):
    """The server or the file system refuses the request to this user."""


class StoreFullError(StoreError):
    """The store takes no more bytes."""


class TooLargeError(StoreError):
    """An object has more bytes than its reader allows."""


class OvertakenError(StoreError):
    """Another publisher changed the object that was to be replaced."""


class UnsupportedError(StoreError):
    """This kind of store does not support the operation."""


class UntrustedError(StoreError):
    """The signatures, digests or versions of a store do not add up; exit status 3."""

    exit_status = 3


class RefusedError(StoreError):
    """The rules of nfsroot forbid the change to the store; exit status 3."""

    exit_status = 3
