"""Where steps run: the builder image, and the engines that run jobs in it."""

from __future__ import annotations

from builder.container.engine import Engine


def choose(name: str) -> Engine:
    """The engine of that name: sandbox, docker or podman, ready to run jobs.

    :raises NfsrootError: it is not to be had on this machine, or does not answer.
    """
    if name == "sandbox":
        from builder.container.sandbox import Sandbox

        return Sandbox()
    if name == "docker":
        from builder.container.docker import Docker as Daemon
    else:
        from builder.container.podman import Podman as Daemon
    engine = Daemon()
    engine.remove_orphans()
    return engine
