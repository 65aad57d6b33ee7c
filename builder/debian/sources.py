"""The sources of a tree's packages (sources.list(5)): mmdebstrap's defaults, at the recipe's mirrors if it names any.

A recipe names mirrors, not the suites on them: updates and security fixes always come with a suite.
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from builder.recipe.models import Debian

MEMBER = "./etc/apt/sources.list"
SOURCE = re.compile(r"^(deb (?:\[[^]]*\] )?)(\S+) (\S+) (.+)$", re.MULTILINE)
SECURITY = ("-security", "/updates")
"""The endings of the names of suites with security fixes."""


def read(skeleton: Path) -> str:
    """The sources.list of a tree in a tar archive."""
    with tarfile.open(skeleton) as tar:
        file = tar.extractfile(MEMBER)
        assert file, "mmdebstrap(1) writes it as a regular file"
        return file.read().decode()


def at_mirrors(default: str, debian: Debian) -> str:
    """The sources of `default`, one per line, each at the mirror that the recipe names for its suite, if any."""
    return "\n".join(
        f"{begin}{_mirror(suite, debian) or url} {suite} {components}"
        for begin, url, suite, components in SOURCE.findall(default)
    )


def _mirror(suite: str, debian: Debian) -> str | None:
    return debian.security_mirror if suite.endswith(SECURITY) else debian.mirror
