"""Podman as an engine.  It takes Docker's commands."""

from __future__ import annotations

from builder.container.docker import Docker


class Podman(Docker):
    """Runs jobs with podman(1)."""

    name = "podman"
    command = "podman"
