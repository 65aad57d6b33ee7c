"""The default engine, which needs no daemon: a bubblewrap sandbox (bwrap(1)) around the builder image.

Each job has its own mount, PID, IPC and UTS namespaces.  When this process dies, for whatever reason, the kernel ends
every process of the job (--die-with-parent, and the PID namespace with its init), and its mounts vanish with the mount
namespace.
"""

from __future__ import annotations

import os
from pathlib import Path

from builder.container.engine import Image, Job, environment, inputs
from builder.process import OnLine, run

CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_ADMIN",
    "CAP_SYS_CHROOT",
)
"""The capabilities that a bootstrap needs: ownership, device nodes, chroot, and SYS_ADMIN for mounts of its own."""


class Sandbox:
    """An engine that runs jobs under bubblewrap, as root."""

    name = "sandbox"

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:
        """Run `job` in a new sandbox; see `Engine.run`."""
        env = {"PATH": os.environ.get("PATH", os.defpath)}
        run(arguments(image, job), env=env, on_line=on_line, name=job.name)


def arguments(image: Image, job: Job) -> list[str]:
    """The bwrap command that runs `job`."""
    argv = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--chdir", "/"]
    argv += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", "builder"]
    if not job.network:
        argv += ["--unshare-net"]
    for capability in CAPABILITIES:
        argv += ["--cap-add", capability]
    argv += ["--ro-bind", str(image.rootfs), "/", "--proc", "/proc", "--dev", "/dev", "--ro-bind", "/sys", "/sys"]
    for directory in ("/tmp", "/run", "/var/tmp", "/root"):
        argv += ["--tmpfs", directory]
    argv += ["--tmpfs", "/input"]
    argv += (
        ["--bind", str(job.room.directory), "/scratch"]
        if job.room.directory
        else ["--size", str(job.room.mib << 20), "--tmpfs", "/scratch"]
    )
    if job.network:
        argv += ["--ro-bind", str(Path("/etc/resolv.conf").resolve()), "/etc/resolv.conf"]
    for target, source in sorted(inputs(job).items()):
        argv += ["--ro-bind", str(source), target]
    argv += ["--bind", str(job.output), "/output"]
    for name, value in sorted(environment(job).items()):
        argv += ["--setenv", name, value]
    return [*argv, "--", *job.argv]
