"""The engine Docker.  It imports the builder image once, and runs each job in a container of its own."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

from builder.container.engine import Image, Job, environment, inputs
from builder.container.sandbox import CAPABILITIES
from builder.errors import NfsrootError
from builder.process import CommandError, OnLine, output, run


class Docker:
    """An engine that runs jobs with docker(1).  Podman takes the same commands, so `command` names the program."""

    name = "docker"
    command = "docker"

    def __init__(self) -> None:
        if shutil.which(self.command) is None:
            raise NfsrootError(
                f"{self.command} is not on this machine",
                resolution=f"Install {self.command}, or leave --engine out: the default needs no daemon.",
            )

    def remove_orphans(self) -> None:
        """Remove the containers of killed builds, since a daemon's containers outlive the build that started them.

        :raises NfsrootError: the engine does not answer.
        """
        argv = [self.command, "ps", "--all", "--filter=name=nfsroot-", "--format={{.Names}}"]
        try:
            names = output(argv, env=self._environment())
        except CommandError as error:
            raise self._silent(error) from error
        for name, namespace, pid in re.findall(r"^(nfsroot-(\d+)-(\d+)-[0-9a-f]+)$", names, re.MULTILINE):
            if int(namespace) == _pid_namespace() and not Path("/proc", pid).exists():
                output([self.command, "rm", "--force", name], env=self._environment())

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:
        """Run `job` in a new container; see `Engine.run`."""
        tag = self._ensure(image)
        name = f"nfsroot-{_pid_namespace()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        try:
            run(self.arguments(tag, name, job), env=self._environment(), on_line=on_line, name=job.name)
        except KeyboardInterrupt:
            output([self.command, "rm", "--force", name], env=self._environment())
            raise

    def arguments(self, tag: str, name: str, job: Job) -> list[str]:
        """The command that runs `job` in container `name` of image `tag`."""
        argv = [self.command, "run", "--rm", "--init", f"--name={name}", "--workdir=/", "--read-only"]
        argv += ["--hostname=builder", "--add-host=builder:127.0.0.1"]
        argv += [f"--network={'host' if job.network else 'none'}"]
        argv += ["--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--cap-drop=ALL"]
        argv += [f"--cap-add={capability.removeprefix('CAP_')}" for capability in CAPABILITIES]
        argv += [f"--tmpfs={directory}:exec" for directory in ("/tmp", "/run", "/var/tmp", "/root")]
        if job.room.directory:
            argv += [_mount(job.room.directory, "/scratch")]
        else:
            argv += [f"--tmpfs=/scratch:exec,mode=755,size={job.room.mib}m"]
        argv += [_mount(source, target, "readonly") for target, source in sorted(inputs(job).items())]
        argv += [_mount(job.output, "/output")]
        argv += [f"--env={variable}={value}" for variable, value in sorted(environment(job).items())]
        return [*argv, tag, *job.argv]

    def _ensure(self, image: Image) -> str:
        """The tag of `image`; import the image first when the engine does not have it."""
        tag = f"localhost/nfsroot-builder:{image.id}"
        try:
            output([self.command, "image", "inspect", "--format={{.Id}}", tag], env=self._environment())
        except CommandError as error:
            if not any("o such image" in line or "not known" in line for line in error.last_lines):
                raise self._silent(error) from error
            self._import(image, tag)
        return tag

    def _import(self, image: Image, tag: str) -> None:
        tar = subprocess.Popen(
            ["tar", "--create", "--numeric-owner", "--xattrs", f"--directory={image.rootfs}", "."],
            stdout=subprocess.PIPE,
        )
        with tar:
            run([self.command, "import", "-", tag], env=self._environment(), on_line=_ignore, stdin=tar.stdout)
        if tar.returncode != 0:
            raise NfsrootError(f"the builder image in {image.rootfs} could not be read by tar")

    def _silent(self, error: CommandError) -> NfsrootError:
        return NfsrootError(
            f"{self.command} does not answer",
            details=error.details,
            resolution=f"Start {self.command}, or leave --engine out: the default needs no daemon.",
        )

    def _environment(self) -> dict[str, str]:
        wanted = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "CONTAINER_HOST", "XDG_RUNTIME_DIR")
        return {name: os.environ[name] for name in wanted if name in os.environ}


def _mount(source: Path, target: str, *options: str) -> str:
    """The option that binds `source` at `target`.  Its fields are CSV, which can hold any path (docker-run(1))."""
    fields = io.StringIO()
    csv.writer(fields, lineterminator="").writerow(["type=bind", f"source={source}", f"target={target}", *options])
    return f"--mount={fields.getvalue()}"


def _pid_namespace() -> int:
    """The number of this process's PID namespace, in which alone its process ids are valid (pid_namespaces(7))."""
    return Path("/proc/self/ns/pid").stat().st_ino


def _ignore(_line: str) -> None:
    """Drop a line of output: an import prints the image's digest."""
