"""The errors of a site beside those of every nfsroot (builder.errors)."""

from __future__ import annotations

from builder.errors import NfsrootError


class RefusedError(NfsrootError):
    """A change of the site would harm somebody, or contradicts another one; exit status 3."""

    exit_status = 3
