"""What a step asks of a container engine, whichever engine it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

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
"""The environment of every job.  Nothing of the host's gets in: a job's result depends on its inputs alone."""


@dataclass(frozen=True)
class Image:
    """A builder image: the unpacked file tree `rootfs`, and the `id` that every result made in it depends on."""

    id: str
    rootfs: Path


@dataclass(frozen=True)
class Room:
    """Where a job works: in memory, on `mib` MiB at most, or in a `directory` on disk."""

    mib: int = 512
    directory: Path | None = None


@dataclass(frozen=True)
class Job:
    """One command to run in the builder image.

    `inputs` maps paths below /input to what is bound there, read-only.  `output` is bound at /output and is
    all that the job may leave behind; /scratch is its `room` to work in.  Without `network` the job has none; with
    it, the job gets the user's proxies, passwords of mirrors and certificates (see `environment` and `inputs` below).
    """

    argv: tuple[str, ...]
    output: Path
    inputs: Mapping[str, Path] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    room: Room = Room()

    @property
    def name(self) -> str:
        """What the job is called in words: its program."""
        return PurePosixPath(self.argv[0]).name


class Engine(Protocol):
    """A way to run jobs in the builder image."""

    name: str

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:
        """Run `job`; hand each line that it writes to `on_line`.

        :raises CommandError: the job failed.
        """
        ...


PROXIES = ("http_proxy", "https_proxy", "no_proxy")


AUTHENTICATION = "NFSROOT_APT_AUTH"
"""Names a file with users and passwords of mirrors (apt_auth.conf(5)), for jobs that use the network."""


CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
"""The authorities that this machine trusts (update-ca-certificates(8)), for mirrors that are asked over https."""


def inputs(job: Job) -> dict[str, Path]:
    """The files that a job sees: its inputs and, with the network, this machine's settings for mirrors.

    :raises InputError: the user names a file with passwords that is not there.
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
    """The whole environment of a job; one that uses the network gets the user's proxies too.

    A job sees text of the recipe as UTF-8: it is given here in such a way that Python, which writes arguments in the
    locale's encoding, gives its bytes.
    """
    proxies = {name: os.environ[name] for name in PROXIES if name in os.environ} if job.network else {}
    own = {name: os.fsdecode(value.encode()) for name, value in job.environment.items()}
    return {**ENVIRONMENT, **proxies, **own}
