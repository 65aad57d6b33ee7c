"""The server of a stage: programs of this machine in the stage's namespace, or a virtual machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import INSIDE
from builder.lab.measure.meter import Meter
from builder.lab.released.release import Release
from builder.lab.server.namespace_server import NamespaceServer
from builder.lab.server.protocol import RackServer
from builder.lab.server.vm import image
from builder.lab.server.vm.disk import Disk, open_disk
from builder.lab.server.vm.hardware import SHARED
from builder.lab.server.vm.nbd import serve_disk
from builder.lab.server.vm.virtual_server import IMAGE, run_virtual_server
from builder.lab.story import services
from builder.lab.story.commands import Place, find_programs
from builder.lab.story.site_package import SitePackage
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.choices import NfsServer
from builder.recipe.models import Cluster, Server

SERVED = "/srv"
"""The directory, on the builder, that a virtual server mounts; the store is in it."""

STORE = f"{SERVED}/store"
"""The directory of the store, on the builder and on the server."""

SITE_PROGRAMS = Path("/usr/bin")
"""The directory with the program of the Debian package nfsroot-site."""

DISK = "disk.sock"
"""The socket, in the stage's directory, of a disk whose power can be cut."""


@dataclass(frozen=True)
class StageServer:
    """A server that runs; `programs` names its daemons, `site` is the server as a place for commands.

    `disk` is the disk of a virtual server whose power can be cut.
    """

    kind: ServerKind
    machine: RackServer
    programs: Server
    site: Place
    disk: Disk | None = None


def set_up_namespace_server(namespace: Namespace, releases: Iterable[Release], programs: Server) -> StageServer:
    """Set up the stage's namespace as a server, whose NFS server is nfs-ganesha."""
    programs = programs.model_copy(update={"nfs": NfsServer.GANESHA})
    asks_rpcbind = any(release.recipe.root.nfs_version == 3 for release in releases)
    services.install_scripts(namespace, programs, rpcbind=asks_rpcbind)
    meter = Meter(namespace.path("/proc"))
    machine = NamespaceServer(namespace, programs, namespace.path(INSIDE), meter)
    return StageServer(ServerKind.NAMESPACE, machine, programs, Place(machine.run, find_programs()))


@contextmanager
def run_stage_vm(
    namespace: Namespace,
    clusters: Sequence[Cluster],
    release: Release,
    accelerator: Accelerator,
    package: SitePackage,
    seed: str | None,
) -> Iterator[StageServer]:
    """Run a virtual machine with `package` installed until the block is left; it serves `clusters`.

    With `seed`, the power of the machine's disk can be cut.

    :raises NfsrootError: the virtual machine does not start, or the package cannot be installed.
    """
    programs, disk = clusters[0].server, None
    with ExitStack() as stack:
        if seed is not None:
            disk = stack.enter_context(open_disk(namespace.path(IMAGE) / image.DISK, seed))
            stack.enter_context(serve_disk(disk, namespace.path(INSIDE) / DISK))
        socket = Path(INSIDE, DISK) if disk else None
        machine = stack.enter_context(
            run_virtual_server(namespace, release.recipe, programs, accelerator, Path(SERVED), clusters[1:], socket)
        )
        shutil.copy(package.file, namespace.path(SERVED))
        machine.install_package(f"{SHARED}/{package.file.name}")
        machine.run(["ln", "-s", f"{SHARED}/{PurePosixPath(STORE).name}", STORE])
        yield StageServer(ServerKind.VM, machine, programs, Place(machine.run, SITE_PROGRAMS), disk)
