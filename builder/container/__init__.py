"""The builder image, in which steps run, and the container engines that run jobs in it."""

from __future__ import annotations

from builder.container.engine import Engine


def choose(name: str) -> Engine:
    """The engine called `name` (sandbox, docker or podman), ready to run jobs.

    :raises NfsrootError: this machine does not have the engine, or the engine does not answer.
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
