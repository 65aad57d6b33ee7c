"""What a failure of apt says about the mirror that it asked."""

from __future__ import annotations

import re

from builder.errors import NfsrootError
from builder.process import CommandError

UNREACHABLE = r"Temporary failure resolving|Could not resolve|Could not connect|Connection refused|unreachable"
LACKING = r"404 +Not Found|does not have a Release file"


def explain(error: CommandError, suite: str, mirror: str | None = None) -> NfsrootError:
    """What `error` means for the user; `error` itself when it says nothing about the mirror.

    `mirror` is the one that the recipe names, None for the bootstrap tool's own.
    """
    text = "\n".join(error.last_lines)
    asked = mirror or "the default mirror"
    if re.search(UNREACHABLE, text):
        return NfsrootError(
            f"{asked} cannot be reached",
            details=error.details,
            resolution="Check the network and the proxy settings, or name another mirror under [debian] mirror.",
        )
    if re.search(LACKING, text):
        return NfsrootError(
            f"{asked} does not have what was asked of it for Debian {suite} (404 Not Found)",
            details=error.details,
            resolution="Check [debian] suite and mirror; if packages have moved on, look again with --refresh.",
        )
    return error
