"""What the host must have for a build.  Everything else is in the builder image."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass

from builder.errors import NfsrootError


@dataclass(frozen=True)
class Tool:
    """A command that a build calls on the host, and the Debian package that brings it."""

    command: str
    package: str
    purpose: str


TOOLS = (
    Tool("mmdebstrap", "mmdebstrap", "bootstraps the builder image, once"),
    Tool("bwrap", "bubblewrap", "sandboxes: every process of a build ends with it"),
)


def missing_packages() -> list[str]:
    """Debian packages of the tools that this machine lacks."""
    return [tool.package for tool in TOOLS if shutil.which(tool.command) is None]


def need_for_build() -> None:
    """Refuse to start a build that cannot end well.

    :raises NfsrootError: not root, or a tool is missing.
    """
    if os.geteuid() != 0:
        raise NfsrootError(
            "a build needs root: it makes files of other owners and device nodes, and mounts file systems",
            resolution="Run it with sudo; the release will belong to you.",
        )
    if missing := missing_packages():
        raise NfsrootError(
            f"this machine lacks {', '.join(missing)}",
            resolution=f"apt-get install --no-install-recommends {' '.join(missing)}",
        )
