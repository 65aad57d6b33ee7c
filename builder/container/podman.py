"""Podman as an engine.  It takes Docker's commands."""

from __future__ import annotations

from builder.container.docker import Docker
from builder.container.engine import Job
from builder.umask import UMASK

LIMITS = ("nofile=4096:4096", "nproc=16384:16384")
"""Limits of a job (getrlimit(2)).  Podman's own defaults are above what a confined host lets it give."""


class Podman(Docker):
    """Runs jobs with podman(1)."""

    name = "podman"
    command = "podman"

    def arguments(self, tag: str, name: str, job: Job) -> list[str]:
        """As Docker's, with limits that every host grants, and with our umask, which containers.conf(5) may change."""
        command, verb, *rest = super().arguments(tag, name, job)
        return [command, verb, *(f"--ulimit={limit}" for limit in LIMITS), f"--umask={UMASK:04o}", *rest]
