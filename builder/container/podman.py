"""The engine Podman, which takes Docker's commands."""

from __future__ import annotations

from builder.container.docker import Docker
from builder.container.engine import Job
from builder.umask import UMASK

LIMITS = ("nofile=4096:4096", "nproc=16384:16384")
"""The limits of a job (getrlimit(2)).  Podman's own defaults are higher than a confined host allows."""


class Podman(Docker):
    """An engine that runs jobs with podman(1)."""

    name = "podman"
    command = "podman"

    def arguments(self, tag: str, name: str, job: Job) -> list[str]:
        """Docker's command, with limits that every host grants, and with our umask instead of containers.conf(5)'s."""
        command, verb, *rest = super().arguments(tag, name, job)
        return [command, verb, *(f"--ulimit={limit}" for limit in LIMITS), f"--umask={UMASK:04o}", *rest]
