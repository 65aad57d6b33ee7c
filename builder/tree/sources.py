"""The sources of a tree's packages (sources.list(5)): the bootstrap tool's own, or the same at the recipe's mirrors.

A recipe names hosts, not suites: whichever mirror it names, updates and security fixes come with a suite.
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from builder.recipe.models import Debian

MEMBER = "./etc/apt/sources.list"
SOURCE = re.compile(r"^(deb (?:\[[^]]*\] )?)(\S+) (\S+) (.+)$", re.MULTILINE)
SECURITY = ("-security", "/updates")
"""How the names of suites with security fixes end."""


def read(skeleton: Path) -> str:
    """The sources.list of a tree in a tar archive."""
    with tarfile.open(skeleton) as tar:
        file = tar.extractfile(MEMBER)
        assert file, "mmdebstrap(1) writes it as a regular file"
        return file.read().decode()


def at_mirrors(default: str, debian: Debian) -> str:
    """The sources of `default`, one a line, each at the mirror that the recipe names for it, if any."""
    return "\n".join(
        f"{begin}{_mirror(suite, debian) or url} {suite} {components}"
        for begin, url, suite, components in SOURCE.findall(default)
    )


def _mirror(suite: str, debian: Debian) -> str | None:
    return debian.security_mirror if suite.endswith(SECURITY) else debian.mirror
