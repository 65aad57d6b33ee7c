"""The server of a stage: programs of this machine in the stage's namespace, or a virtual machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder.lab.machine.namespace import Namespace
from builder.lab.machine.paths import INSIDE
from builder.lab.measure.meter import Meter
from builder.lab.released.release import Release
from builder.lab.server.namespace_server import NamespaceServer
from builder.lab.server.protocol import RackServer
from builder.lab.server.vm.hardware import SHARED
from builder.lab.server.vm.virtual_server import run_virtual_server
from builder.lab.story import services
from builder.lab.story.commands import Place, find_programs
from builder.lab.story.site_package import SitePackage
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import ServerKind
from builder.recipe.models import Cluster, NfsServer, Server

SERVED = "/srv"
"""The directory, on the builder, that a virtual server mounts; the store is in it."""

STORE = f"{SERVED}/store"
"""The directory of the store, on the builder and on the server."""

SITE_PROGRAMS = Path("/usr/bin")
"""The directory with the program of the Debian package nfsroot-site."""


@dataclass(frozen=True)
class StageServer:
    """A server that runs; `programs` names its daemons, `site` is the server as a place for commands."""

    kind: ServerKind
    machine: RackServer
    programs: Server
    site: Place


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
) -> Iterator[StageServer]:
    """Run a virtual machine with `package` installed until the block is left; it serves `clusters`.

    :raises NfsrootError: the virtual machine does not start, or the package cannot be installed.
    """
    programs = clusters[0].server
    running = run_virtual_server(namespace, release.recipe, programs, accelerator, Path(SERVED), clusters[1:])
    with running as machine:
        shutil.copy(package.file, namespace.path(SERVED))
        machine.install_package(f"{SHARED}/{package.file.name}")
        machine.run(["ln", "-s", f"{SHARED}/{PurePosixPath(STORE).name}", STORE])
        yield StageServer(ServerKind.VM, machine, programs, Place(machine.run, SITE_PROGRAMS))
