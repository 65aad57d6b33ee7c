"""Places that are full, cannot be written, or belong to somebody else."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable

import pytest
from command import Project

pytestmark = pytest.mark.container

ALL = ("tree", "initramfs", "nic-drivers", "pxegrub")
NOBODY = 65534
LITTLE_KIB = 2_400_000
"""More than the recipe `tiny` takes, with what is spared for everything else."""
HUNGRY = """\
#!/bin/sh
set -eu
fallocate --length 3GiB /var/tmp/much
rm /var/tmp/much
"""


def in_namespace(mount: str) -> tuple[str, ...]:
    """What runs a command after `mount`, in a mount namespace of its own, and then lists files in `output`."""
    script = f'{mount}; "$@" || status=$?; find output -type f >&2; exit $status'
    return ("unshare", "--mount", "sh", "-ec", script, "sh")


def test_full_cache(project: Callable[..., Project]) -> None:
    """A cache that is full is named as what is full, with the way out; what was being made is removed."""
    made = project()
    script = "mount -t tmpfs -o size=24m tmpfs ../cache/unfinished"
    (made.cache / "unfinished").mkdir()
    done = made.build(around=in_namespace(script))
    message = done.refusal()
    assert message.startswith(f"nfsroot: no space left for the cache in {made.cache}\n")
    assert re.search(rf"The step base takes about \d+ MiB to work, and {made.cache} has \d+ MiB free\.", message)
    assert "nfsroot clean" in message and "--cache-dir" in message
    assert made.left() == []


@pytest.mark.full
def test_memory_that_is_too_small(project: Callable[..., Project]) -> None:
    """A step that fills the memory there is begins anew on disk, and ends well; the next ones go there at once.

    What the kernel says of its memory stands in for a machine with little of it.
    """
    made = project()
    hook = made.directory / "elements/hungry/install.d/50-hungry"
    hook.parent.mkdir(parents=True)
    hook.write_text(HUNGRY)
    hook.chmod(0o755)
    (hook.parents[1] / "element.toml").write_text('description = "Takes much room for a while"\n')
    made.tiny(elements=["debian-root", "nfsroot", "initramfs-nfs", "hungry"])
    (made.directory / "meminfo").write_text(f"MemAvailable: {LITTLE_KIB} kB\n")
    done = made.build(around=in_namespace("mount --bind meminfo /proc/meminfo"))
    assert done.status == 0, done.errors
    reasons = [event["reason"] for event in done.events if event["event"] == "StepStarted" and event["step"] == "tree"]
    assert len(reasons) == 2
    assert reasons[1].startswith("runs: anew, on disk, since ")
    assert (made.release / "SHA256SUMS").exists()


def test_full_output(project: Callable[..., Project]) -> None:
    """An output directory that is full is named as what is full, and holds no half of a release."""
    made = project(*ALL)
    made.output.mkdir()
    message = made.build(around=in_namespace("mount -t tmpfs -o size=24m tmpfs output")).refusal()
    assert message.startswith(f"nfsroot: output/tiny cannot be written: {os.strerror(28)}\n")
    assert "--output" in message
    assert "output/tiny/" not in message, "something is left"


def test_read_only_output(project: Callable[..., Project]) -> None:
    """An output directory that cannot be written is noticed before any step runs."""
    made = project()
    made.output.mkdir()
    done = made.build(around=in_namespace("mount --bind output output; mount -o remount,ro,bind output"))
    message = done.refusal()
    assert message.startswith("nfsroot: output cannot be written\n")
    assert "--output" in message
    assert done.started == []


def test_not_root(project: Callable[..., Project]) -> None:
    """Without root a build says at once what needs it; the checkout may stand where others cannot read."""
    made = project()
    reads_all = ["setpriv", "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    as_nobody = [*reads_all, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    done = made.run("build", "tiny", around=as_nobody, env={"HOME": "/nonexistent"})
    message = done.refusal()
    assert message.startswith("nfsroot: a build needs root: ")
    assert "sudo" in message
    assert done.out == ""
    assert not made.output.exists()


def test_docker_is_not_installed(project: Callable[..., Project]) -> None:
    """Docker that was asked for and is not there is a refusal before any step runs."""
    made = project()
    commands = made.directory / "bin"
    commands.mkdir()
    for name in ("bwrap", "mmdebstrap"):
        (commands / name).symlink_to(str(shutil.which(name)))
    done = made.build("--engine=docker", env={"PATH": str(commands)})
    message = done.refusal()
    assert message.startswith("nfsroot: docker is not on this machine\n")
    assert "--engine" in message
    assert done.started == []
    assert made.left() == []


def test_docker_does_not_answer(project: Callable[..., Project], docker_client: str) -> None:
    """A Docker client without a daemon is a refusal before any step runs."""
    made = project()
    socket = made.directory / "no-daemon.sock"
    done = made.build("--engine=docker", env={"DOCKER_HOST": f"unix://{socket}"})
    message = done.refusal()
    assert message.startswith("nfsroot: docker does not answer\n")
    assert str(socket) in message
    assert "--engine" in message
    assert done.started == []
    assert made.left() == []
