"""The tools that a build needs on the host.  All other tools are in the builder image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass

from builder.errors import NfsrootError


@dataclass(frozen=True)
class Tool:
    """A command that nfsroot calls on the host, its purpose, and the Debian packages that bring it (with blanks)."""

    command: str
    package: str
    purpose: str


TOOLS: tuple[Tool, ...] = (
    Tool("mmdebstrap", "mmdebstrap", "bootstraps the builder image, once"),
    Tool("bwrap", "bubblewrap", "sandboxes: every process of a build ends with it"),
)


def missing(tools: Iterable[Tool], path: str | None = None) -> list[Tool]:
    """The tools that are not on the search path `path`; without `path`, on that of this process."""
    return [tool for tool in tools if shutil.which(tool.command, path=path) is None]


def need_for_build() -> None:
    """Refuse a build without root or without the tools that it needs.

    :raises NfsrootError: the user is not root, or a tool is missing.
    """
    if os.geteuid() != 0:
        raise NfsrootError(
            "a build needs root: it makes files of other owners and device nodes, and mounts file systems",
            resolution="Run it with sudo; the release will belong to you.",
        )
    if packages := [tool.package for tool in missing(TOOLS)]:
        raise NfsrootError(
            f"this machine lacks {', '.join(packages)}",
            resolution=f"apt-get install --no-install-recommends {' '.join(packages)}",
        )
