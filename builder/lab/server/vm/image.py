"""The disk image of a virtual server: plain Debian with the packages that the README of a server bundle names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from builder.cache import Cache, Inputs
from builder.code import PROGRAM
from builder.container import image as builder_image
from builder.container import sandbox
from builder.container.engine import Engine, Image, Job, Room
from builder.container.mirror import explain
from builder.container.sandbox import Sandbox
from builder.debian import archive as archives
from builder.debian.archive import Archive
from builder.keys import digest_of_files, key_of
from builder.lab.released.release import Release
from builder.process import CommandError, OnLine
from builder.recipe.models import Debian, Server
from builder.server.procedure import procedure
from builder.workspace import Workspace

STEP = "server-image"
SCRIPTS = Path(__file__).parent / "server"
DISK, KERNEL, INITRAMFS = "disk.ext4", "vmlinuz", "initrd.img"
"""The files of the image."""

ARCHITECTURE = "amd64"
BASE = (
    "apparmor",
    "dbus",
    "e2fsprogs",  # checks the disk after a power cut
    "initramfs-tools",
    "iproute2",
    f"linux-image-{ARCHITECTURE}",
    "openssh-client",  # for the lab's checks of nodes
    "procps",
    "systemd-sysv",
    "udev",
    "zstd",  # compresses the initramfs
)
"""The packages that the image has beside Debian's smallest system and the README's packages."""

WORK_MIB = 3072


def find_image(release: Release, server: Server, cache: Cache, more: Sequence[str] = ()) -> Path:
    """Find or make the image of a server with the daemons that `server` names and more packages (see `ensure_image`).

    The server has the suite of Debian that the nodes have, because the cache has the package lists of that suite.
    """
    packages = (*procedure(release.layout, server).packages, *more)
    workspace = Workspace(cache, Sandbox(), release.directory, lambda _: None)
    with workspace.log_step(STEP, "runs: the server is a virtual machine", STEP) as on_line:
        image = builder_image.ensure(cache, on_line)
        return ensure_image(cache, workspace.engine, image, release.recipe.debian, packages, on_line)


def ensure_image(
    cache: Cache, engine: Engine, image: Image, debian: Debian, packages: Sequence[str], on_line: OnLine
) -> Path:
    """Give the directory with the image of a server that has `packages`; the image is made if the cache lacks it.

    The architecture of the server is amd64, also where that of the nodes is another one.

    :raises NfsrootError: the mirror lacks a file that is needed, or a package could not be set up.
    """
    debian = debian.model_copy(update={"architecture": ARCHITECTURE})
    archive = archives.Snapshots(cache, debian).find() or archives.Snapshots(cache, debian).look(engine, image, on_line)
    inputs = list_inputs(image, archive, packages)

    def make(directory: Path) -> None:
        try:
            engine.run(image, plan_job(directory, archive, debian, packages), on_line)
        except CommandError as error:
            raise explain(error, debian) from error

    return cache.produce(STEP, key_of(inputs), inputs, make)


def list_inputs(image: Image, archive: Archive, packages: Sequence[str]) -> Inputs:
    """List everything that the image depends on, for its key."""
    return {
        "builder-image": image.id,
        "archive": archive.digest,
        "packages": sorted({*BASE, *packages}),
        "code": PROGRAM.digest(sandbox.__name__, alone=[__name__]),
        "scripts": digest_of_files(SCRIPTS, ["*"]),
    }


def plan_job(directory: Path, archive: Archive, debian: Debian, packages: Sequence[str]) -> Job:
    """Plan the job that makes the image in `directory`."""
    return Job(
        ("sh", "/input/server/make-disk"),
        output=directory,
        inputs={"/input/server": SCRIPTS, "/input/lists": archive.lists, "/input/skeleton.tar": archive.skeleton},
        environment={
            "ARCHITECTURE": debian.architecture,
            "COMPONENTS": ",".join(debian.components),
            "PACKAGES": ",".join(sorted({*BASE, *packages})),
            "SUITE": debian.suite,
        },
        network=True,
        room=Room(WORK_MIB),
    )
