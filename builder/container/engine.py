"""The interface between steps and container engines: images, jobs, and their inputs and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Protocol

from builder.errors import InputError
from builder.process import OnLine

ENVIRONMENT = {
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "USER": "root",
}
"""The environment of every job.  Nothing of the host's comes in, so that a job's result depends on its inputs alone."""


class Image(NamedTuple):
    """A builder image: its unpacked file tree `rootfs`, and its `id`, which is part of the keys of steps."""

    id: str
    rootfs: Path


class Room(NamedTuple):
    """The space for a job's temporary files: at most `mib` MiB of memory, or a `directory` on disk."""

    mib: int = 512
    directory: Path | None = None


@dataclass(frozen=True)
class Job:
    """A command to run in the builder image.

    `inputs` maps paths below /input to the files or directories that are bound there, read-only.  `output` is bound at
    /output; a job may leave files nowhere else.  `room` is mounted at /scratch for temporary files.  With `network`,
    the job has the host's network and the user's proxies, passwords of mirrors and certificates (see `environment` and
    `inputs` below); without, it has no network.
    """

    argv: tuple[str, ...]
    output: Path
    inputs: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    room: Room = field(default_factory=Room)

    @property
    def name(self) -> str:
        """The name of the job in messages: its program."""
        return PurePosixPath(self.argv[0]).name


class Engine(Protocol):
    """A way to run jobs in the builder image."""

    name: str

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:
        """Run `job`, and pass each line of its output to `on_line`.

        :raises CommandError: the job failed.
        """
        ...


PROXIES = ("http_proxy", "https_proxy", "no_proxy")


AUTHENTICATION = "NFSROOT_APT_AUTH"
"""The variable that names a file with users and passwords of mirrors (apt_auth.conf(5)), for jobs with network."""


CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""The file of the authorities that this machine trusts (update-ca-certificates(8)), for mirrors with https."""


def inputs(job: Job) -> dict[str, Path]:
    """The files and directories that a job gets: its inputs and, with network, this machine's settings for mirrors.

    :raises InputError: the file of passwords that the user names does not exist.
    """
    if not job.network:
        return dict(job.inputs)
    known = {"/input/certificates.crt": CERTIFICATES} if CERTIFICATES.exists() else {}
    if named := os.environ.get(AUTHENTICATION):
        file = Path(named).absolute()
        if not file.is_file():
            raise InputError(f"{AUTHENTICATION}: there is no file {file}", resolution="Correct it, or unset it.")
        known["/input/auth.conf"] = file
    return {**job.inputs, **known}


def environment(job: Job) -> dict[str, str]:
    """The whole environment of a job.  A job with network gets the user's proxies too.

    Values from the recipe reach the job as UTF-8.  Python encodes a process's arguments in the locale's encoding, so
    the UTF-8 bytes of each value are decoded in that encoding here.
    """
    proxies = {name: os.environ[name] for name in PROXIES if name in os.environ} if job.network else {}
    own = {name: os.fsdecode(value.encode()) for name, value in job.environment.items()}
    return {**ENVIRONMENT, **proxies, **own}
