"""The stage of a story: a server, and a network for each cluster that it serves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from builder.cache import Cache
from builder.lab.events import Emit
from builder.lab.machine import accelerator
from builder.lab.machine.agent import Answer
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.machine.paths import INSIDE
from builder.lab.rack import network
from builder.lab.rack.rack import Rack
from builder.lab.rack.router import run_router
from builder.lab.released.release import Release
from builder.lab.server.namespace_server import collect_answer
from builder.lab.server.vm import image
from builder.lab.server.vm.hardware import name_tap
from builder.lab.server.vm.virtual_server import IMAGE
from builder.lab.story.commands import Commands, Place, find_programs, list_shared_directories
from builder.lab.story.site_package import SitePackage
from builder.lab.story.stage_server import SERVED, StageServer, run_stage_vm, set_up_namespace_server
from builder.lab.vocabulary.hardware import Accelerator
from builder.lab.vocabulary.server_kind import ServerKind
from builder.lab.wire.capture import Capture, capture
from builder.recipe.models import Cluster, Node

RELEASES = "/releases"
"""The directory, on the builder, with a directory NAME/VERSION for each release, as `nfsroot build` makes them."""

ORDINALS = 100
"""The number by which the port numbers of a cluster's nodes are greater than those of the cluster before."""


@dataclass
class Stage:
    """A server with its networks, on which nodes of any release can be powered on.

    `builder` is the machine that publishes releases.
    """

    releases: Mapping[str, Release]
    server: StageServer
    builder: Place
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
                release,
                self.server.programs,
                self.server.machine,
                self.namespace,
                at,
                captured,
                self.accelerator,
                self.cables,
            )
        return self._racks[letter]

    def nodes(self, letter: str) -> tuple[Node, ...]:
        """List the nodes of a release's cluster; the ordinal of each is the number of its port."""
        cluster = self.releases[letter].recipe.cluster
        return _number_ports(cluster, list(self.captures).index(str(cluster.subnet)))

    def directory_of(self, letter: str) -> str:
        """Give the path, on the builder, of the directory of a release."""
        return locate_release(self.releases[letter])

    def begin_commands(self, emit: Emit) -> Commands:
        """The commands of a story, of which none was typed yet."""
        return Commands(self.builder, self.server.site, emit)

    @property
    def has_timer(self) -> bool:
        """Whether the server calls `nfsroot-site confirm --due` by itself, by a timer of systemd."""
        return self.server.kind is ServerKind.VM

    def cut_power(self) -> None:
        """Cut the power of every node."""
        for rack in self._racks.values():
            rack.cut_power()


@contextmanager
def run_stage(
    releases: Mapping[str, Release],
    directory: Path,
    cache: Cache,
    package: SitePackage | None = None,
    seed: str | None = None,
) -> Iterator[Stage]:
    """Run a stage whose server has no release yet, and no settings of daemons.

    With `package`, the server is a virtual machine on which that package is installed.  With `seed` as well, the power
    of its disk can be cut, and the seed determines which blocks are lost then.
    Everything but the logs in `directory` is in memory, and gone when the block is left.

    :raises InputError: this process does not run as root.
    :raises NfsrootError: the namespace or its networks could not be created.
    """
    first = next(iter(releases.values()))
    cluster, kind = first.recipe.cluster, ServerKind.VM if package else ServerKind.NAMESPACE
    clusters = list({str(each.recipe.cluster.subnet): each.recipe.cluster for each in releases.values()}.values())
    mounts = {INSIDE: directory, **{locate_release(release): release.directory for release in releases.values()}}
    tops = {f"/{PurePosixPath(release.recipe.root.path).parts[1]}" for release in releases.values()}
    tmpfs = [*sorted(tops), "/root", SERVED, "/var/tmp"]
    if package:
        mounts[IMAGE] = image.find_image(first, cluster.server, cache, package.dependencies)
    with ExitStack() as stack:
        namespace = stack.enter_context(
            create_namespace(cluster.server.name, mounts, tmpfs, read_only=list_shared_directories())
        )
        captures = {
            str(each.subnet): _create_network(namespace, each, number, kind, directory, stack)
            for number, each in enumerate(clusters)
        }
        kernel = f"{locate_release(first)}/{first.kernel.name}"
        accelerated_by = accelerator.find_accelerator(cache, namespace, kernel, directory / "kvm.log")
        server = (
            stack.enter_context(run_stage_vm(namespace, clusters, first, accelerated_by, package, seed))
            if package
            else set_up_namespace_server(namespace, releases.values(), cluster.server)
        )
        builder = Place(lambda argv: _run(namespace, argv), find_programs())
        yield Stage(releases, server, builder, namespace, directory, accelerated_by, captures, stack)


def _run(namespace: Namespace, argv: Sequence[str]) -> Answer:
    return collect_answer(lambda on_line: namespace.run(argv, on_line))


def locate_release(release: Release) -> str:
    """Give the path, on the stage's builder, of the directory of a release."""
    return f"{RELEASES}/{release.manifest.name}/{release.manifest.version}"


def _create_network(
    namespace: Namespace, cluster: Cluster, number: int, kind: ServerKind, directory: Path, stack: ExitStack
) -> Capture:
    """Create the network of a cluster with the server's address or port, and capture its frames."""
    bridge = cluster.server.interface or f"cluster{number}"
    taps = [f"tap{node.ordinal}" for node in _number_ports(cluster, number)]
    free_port = f"switch{number}", f"switch{number}-end"
    if kind is ServerKind.VM:
        watched = name_tap(number)  # Frames that the bridge passes from port to port do not show at the bridge itself.
        network.create_bridge(namespace, bridge, [watched, *taps], free_port)
        network.add_free_address(namespace, cluster, bridge)
    else:
        watched = bridge
        network.create_bridge(namespace, bridge, taps, free_port)
        network.add_server_address(namespace, cluster, bridge)
    captured = stack.enter_context(capture(namespace.packet_socket(watched), directory / f"network{number}.log"))
    stack.enter_context(run_router(namespace.packet_socket(bridge)))
    return captured


def _number_ports(cluster: Cluster, number: int) -> tuple[Node, ...]:
    """Give each node of a cluster an ordinal that no node of another cluster has: the number of its port."""
    return tuple(node.model_copy(update={"ordinal": node.ordinal + ORDINALS * number}) for node in cluster.nodes)
