"""Places that are full, cannot be written, or belong to somebody else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest
from command import Project

pytestmark = pytest.mark.container

ALL = ("tree", "initramfs", "pxegrub")
NOBODY = 65534


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
    assert "nfsroot clean" in message
    assert made.left() == []


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
