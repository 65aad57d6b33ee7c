"""Where steps run: the builder image, and the engines that run jobs in it."""

from __future__ import annotations

from builder.container.engine import Engine


def choose(name: str) -> Engine:
    """The engine of that name: sandbox, docker or podman.

    :raises NfsrootError: it is not to be had on this machine.
    """
    if name == "sandbox":
        from builder.container.sandbox import Sandbox

        return Sandbox()
    if name == "docker":
        from builder.container.docker import Docker

        return Docker()
    from builder.container.podman import Podman

    return Podman()
