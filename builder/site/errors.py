"""Errors of a site; the errors of all of nfsroot are in builder.errors."""

from __future__ import annotations

from builder.errors import NfsrootError


class RefusedError(NfsrootError):
    """The refusal of a change that would harm somebody, or contradicts other settings; exit status 3."""

    exit_status = 3
