"""What a failure of apt says about the mirror that it asked."""

from __future__ import annotations

import re

from builder.errors import NfsrootError
from builder.process import CommandError
from builder.recipe.models import Debian

UNREACHABLE = r"Temporary failure resolving|Could not resolve|Could not connect|Connection refused|unreachable"
LACKING = r"404 +Not Found|does not have a Release file"


def explain(error: CommandError, debian: Debian) -> NfsrootError:
    """What `error` means for a user who asked for `debian`; itself when it says nothing about the mirror."""
    text = "\n".join(error.last_lines)
    asked = debian.mirror or "the default mirror"
    if re.search(UNREACHABLE, text):
        return NfsrootError(
            f"{asked} cannot be reached",
            details=error.details,
            resolution="Check the network and the proxy settings, or name another mirror under [debian] mirror.",
        )
    if re.search(LACKING, text):
        return NfsrootError(
            f"{asked} does not have what was asked of it for Debian {debian.suite} (404 Not Found)",
            details=error.details,
            resolution="Check [debian] suite and mirror; if packages have moved on, look again with --refresh.",
        )
    return error
