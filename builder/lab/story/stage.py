"""The stage of a story: a server, and a network for each cluster that it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from builder.cache import Cache
from builder.lab.machine import accelerator
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.machine.paths import INSIDE
from builder.lab.measure.meter import Meter
from builder.lab.rack import network
from builder.lab.rack.rack import Rack
from builder.lab.rack.router import run_router
from builder.lab.released.release import Release
from builder.lab.server.namespace_server import NamespaceServer
from builder.lab.server.protocol import RackServer
from builder.lab.story import services
from builder.lab.story.commands import list_shared_directories
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.wire.capture import Capture, capture
from builder.recipe.models import Cluster, NfsServer, Node, Server

RELEASES = "/releases"
"""The directory, on the server, with a directory NAME/VERSION for each release, as `nfsroot build` makes them."""

ORDINALS = 100
"""The number by which the port numbers of a cluster's nodes are greater than those of the cluster before."""


@dataclass
class Stage:
    """A server with its networks, on which nodes of any release can be powered on."""

    releases: Mapping[str, Release]
    server: RackServer
    programs: Server
    namespace: Namespace
    directory: Path
    accelerator: Accelerator
    captures: Mapping[str, Capture]
    cables: ExitStack
    _racks: dict[str, Rack] = field(default_factory=dict)

    def rack(self, letter: str) -> Rack:
        """Give the rack for nodes of a release."""
        if letter not in self._racks:
            release = self.releases[letter]
            captured = self.captures[str(release.recipe.cluster.subnet)]
            at = self.namespace.path(INSIDE)
            self._racks[letter] = Rack(
                release, self.programs, self.server, self.namespace, at, captured, self.accelerator, self.cables
            )
        return self._racks[letter]

    def nodes(self, letter: str) -> tuple[Node, ...]:
        """List the nodes of a release's cluster; the ordinal of each is the number of its port."""
        cluster = self.releases[letter].recipe.cluster
        return _number_ports(cluster, list(self.captures).index(str(cluster.subnet)))

    def directory_of(self, letter: str) -> str:
        """Give the path, on the server, of the directory of a release."""
        return locate_release(self.releases[letter])

    def cut_power(self) -> None:
        """Cut the power of every node."""
        for rack in self._racks.values():
            rack.cut_power()


@contextmanager
def run_stage(releases: Mapping[str, Release], directory: Path, cache: Cache) -> Iterator[Stage]:
    """Run a stage whose server has no release yet, and no settings of daemons.

    Everything but the logs in `directory` is in memory, and gone when the block is left.

    :raises InputError: this process does not run as root.
    :raises NfsrootError: the namespace or its networks could not be created.
    """
    first = next(iter(releases.values()))
    clusters = {str(each.recipe.cluster.subnet): each.recipe.cluster for each in releases.values()}
    mounts = {INSIDE: directory, **{locate_release(release): release.directory for release in releases.values()}}
    tops = {f"/{PurePosixPath(release.recipe.root.path).parts[1]}" for release in releases.values()}
    tmpfs = [*sorted(tops), "/srv", "/var/tmp"]
    with ExitStack() as stack:
        namespace = stack.enter_context(
            create_namespace(first.recipe.cluster.server.name, mounts, tmpfs, read_only=list_shared_directories())
        )
        captures = {
            subnet: _create_network(namespace, cluster, number, directory, stack)
            for number, (subnet, cluster) in enumerate(clusters.items())
        }
        programs = first.recipe.cluster.server.model_copy(update={"nfs": NfsServer.GANESHA})
        asks_rpcbind = any(release.recipe.root.nfs_version == 3 for release in releases.values())
        services.install_scripts(namespace, programs, rpcbind=asks_rpcbind)
        kernel = f"{locate_release(first)}/{first.kernel.name}"
        accelerated_by = accelerator.find_accelerator(cache, namespace, kernel, directory / "kvm.log")
        server = NamespaceServer(namespace, programs, namespace.path(INSIDE), Meter(namespace.path("/proc")))
        yield Stage(releases, server, programs, namespace, directory, accelerated_by, captures, stack)


def locate_release(release: Release) -> str:
    """Give the path, on the stage's server, of the directory of a release."""
    return f"{RELEASES}/{release.manifest.name}/{release.manifest.version}"


def _create_network(namespace: Namespace, cluster: Cluster, number: int, directory: Path, stack: ExitStack) -> Capture:
    """Create the network of a cluster with the server's address, and capture its frames."""
    bridge = cluster.server.interface or f"cluster{number}"
    taps = [f"tap{node.ordinal}" for node in _number_ports(cluster, number)]
    network.create_bridge(namespace, bridge, taps, (f"switch{number}", f"switch{number}-end"))
    network.add_server_address(namespace, cluster, bridge)
    captured = stack.enter_context(capture(namespace.packet_socket(bridge), directory / f"network{number}.log"))
    stack.enter_context(run_router(namespace.packet_socket(bridge)))
    return captured


def _number_ports(cluster: Cluster, number: int) -> tuple[Node, ...]:
    """Give each node of a cluster an ordinal that no node of another cluster has: the number of its port."""
    return tuple(node.model_copy(update={"ordinal": node.ordinal + ORDINALS * number}) for node in cluster.nodes)
