"""The rack: a server with a release, and the release's nodes, on a private network of this machine."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from builder.cache import Cache
from builder.errors import NfsrootError
from builder.lab.machine import accelerator
from builder.lab.machine.agent import Answer, build_oem_string
from builder.lab.machine.namespace import Namespace, create_namespace
from builder.lab.machine.node import VirtualNode, follow_node
from builder.lab.machine.paths import INSIDE, NETWORK_LOG
from builder.lab.machine.qemu import FLASH, NodeHardware
from builder.lab.measure.meter import Meter, run_meter
from builder.lab.rack import network
from builder.lab.rack.cable import Cable, lay_cable
from builder.lab.rack.router import run_router
from builder.lab.released.release import Release
from builder.lab.released.release_overlay import read_overlay_files
from builder.lab.report.report import RoundTrips, Traffic
from builder.lab.server.namespace_server import NamespaceServer, collect_answer
from builder.lab.server.protocol import RackServer
from builder.lab.server.vm import image
from builder.lab.server.vm.hardware import name_tap as name_server_tap
from builder.lab.server.vm.virtual_server import IMAGE, run_virtual_server
from builder.lab.vocabulary.hardware import Accelerator, Firmware, Nic, Slot
from builder.lab.vocabulary.server_kind import ServerKind
from builder.lab.wire.capture import Capture, capture
from builder.lab.wire.event import WireEvent
from builder.lab.wire.ports import HTTP, NFS, TFTP
from builder.recipe.models import Node, Recipe, Server
from builder.settings import reports

STATE = "/state"
"""The path, in the rack's namespace, of the directory that keeps the nodes' state from one run to the next."""

BRIDGE = "cluster0"
SPARE_TAP = "tap0"
"""The bridge's port for a twin of a node; ordinal 0 belongs to no node of the cluster."""


class Rack:
    """A rack whose server runs (see `run_rack`)."""

    def __init__(
        self,
        release: Release,
        server: Server,
        server_machine: RackServer,
        namespace: Namespace,
        directory: Path,
        captured: Capture,
        accelerated_by: Accelerator,
        cables: ExitStack,
    ) -> None:
        self.release = release
        self.server = server
        self.server_machine = server_machine
        self._namespace = namespace
        self._directory = directory
        self._capture = captured
        self._accelerator = accelerated_by
        self._kept_cables = cables
        self._cables: dict[str, Cable] = {}
        self._others: dict[str, Slot] = {}
        self._hardware: dict[str, tuple[Firmware, float, Nic]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.overlay = read_overlay_files(release)

    @property
    def accelerator(self) -> Accelerator:
        """The accelerator that runs the nodes."""
        return self._accelerator

    @contextmanager
    def power_on(
        self, node: Node, firmware: Firmware, patience: float = 1.0, nic: Nic = Nic.VIRTIO_NET
    ) -> Iterator[VirtualNode]:
        """Power `node` on until the block is left; `patience` multiplies time limits.

        :raises NfsrootError: QEMU did not start.
        """
        self._hardware[node.name] = firmware, patience, nic
        directory = self._directory / node.name
        if directory.exists():  # of the node's last boot
            boots = len(list(directory.parent.glob(f"{node.name}-before*")))
            directory.rename(directory.with_name(f"{node.name}-before{boots or ''}"))
        directory.mkdir()
        word = secrets.token_hex(8)
        (directory / "oem-string").write_text(build_oem_string(word), encoding="utf-8")
        if firmware in FLASH:
            shutil.copy(FLASH[firmware].variables, directory)
        inside = Path(INSIDE, node.name)
        hardware = NodeHardware(
            name=node.name,
            mac=node.mac,
            tap=_name_tap(node),
            directory=inside,
            oem_strings=(inside / "oem-string",),
            firmware=firmware,
            accelerator=self._accelerator,
            nic=nic,
            cable=Path(INSIDE, _name_socket(node)) if node.name in self._cables else None,
            other=self._others.get(node.name),
        )
        process = self._namespace.start(hardware.arguments(), directory / "qemu.log")
        self._processes.append(process)
        with follow_node(node, process, directory, self._capture, word, patience) as virtual:
            yield virtual

    def power_on_twin(self, node: Node) -> AbstractContextManager[VirtualNode]:
        """Power on a second machine, at another port, with the hardware and MAC address of `node`, which is on."""
        twin = node.model_copy(update={"name": f"{node.name}-twin", "ordinal": 0})
        return self.power_on(twin, *self._hardware[node.name])

    def cable(self, node: Node) -> Cable:
        """Give the cable between a node and the bridge, which can be made faulty.

        The first call has to come before the node's power-on.
        """
        if node.name not in self._cables:
            laid = lay_cable(self._namespace, _name_tap(node), self._directory / _name_socket(node), node.mac)
            self._cables[node.name] = self._kept_cables.enter_context(laid)
        return self._cables[node.name]

    def connect_other_network(self, node: Node, slot: Slot) -> None:
        """Give `node` a second network card at its next power-on, on a network with a DHCP server of its own."""
        self._others[node.name] = slot

    def send(self, frame: bytes) -> None:
        """Send an Ethernet frame to the bridge, from its free port."""
        with self._namespace.packet_socket(network.FREE_PORT) as port:
            port.send(frame)

    def listen(self, interface: str) -> socket.socket:
        """Open a packet socket (packet(7)) that receives every frame at an interface of the rack's namespace."""
        return self._namespace.packet_socket(interface)

    def list_events(self, mac: str, since: float) -> list[WireEvent]:
        """List the events of node `mac` on the network since `since` (seconds, time.monotonic())."""
        return self._capture.since(since, mac)

    def count_bytes(self, node: Node) -> Traffic:
        """Count the bytes of frames between `node` and the server so far."""
        return Traffic(**_count_of_node(node, self._capture.dissector.bytes_by))

    def count_round_trips(self, node: Node) -> RoundTrips:
        """Count the round trips between `node` and the server so far."""
        return RoundTrips(**_count_of_node(node, self._capture.dissector.round_trips_by))

    def cut_power(self) -> None:
        """Cut the power of every node."""
        for process in self._processes:
            process.kill()

    def run_on_server(self, argv: Sequence[str]) -> Answer:
        """Run `argv` on the server, and give its output and exit status."""
        return self.server_machine.run(argv)

    def run_on_network(self, argv: Sequence[str]) -> Answer:
        """Run `argv` on the cluster's network, with this machine's files, and give its output and exit status."""
        return collect_answer(lambda on_line: self._namespace.run_with_our_files(argv, on_line))


@contextmanager
def run_rack(
    release: Release, server: Server, kind: ServerKind, directory: Path, cache: Cache, state: Path | None = None
) -> Iterator[Rack]:
    """Run a rack whose server has `release`, installed by the release's server bundle, and the daemons of `server`.

    `directory` gets the logs.  Everything else is in memory, and gone when the block is left or this process ends.
    With `state`, a server in a namespace gets the nodes' state from that directory, and the state is copied back when
    the block is left.

    :raises InputError: this process does not run as root.
    :raises NfsrootError: the bundle could not be installed, or a daemon did not start.
    """
    cluster = release.recipe.cluster
    bridge = cluster.server.interface or BRIDGE
    mounts, watched = {"/release": release.directory, INSIDE: directory}, bridge
    if state is not None:
        mounts[STATE] = state
    if kind is ServerKind.VM:
        mounts[IMAGE] = image.find_image(release, server, cache)
        watched = name_server_tap(
            0
        )  # Frames that the bridge passes from port to port do not show at the bridge itself.
    with create_namespace(
        cluster.server.name, mounts, tmpfs=[release.recipe.root.path, reports.DIRECTORY, "/var/tmp"]
    ) as namespace:
        network.create_bridge(namespace, bridge, [SPARE_TAP, name_server_tap(0), *map(_name_tap, cluster.nodes)])
        kernel = f"/release/{release.kernel.name}"
        accelerated_by = accelerator.find_accelerator(cache, namespace, kernel, directory / "kvm.log")
        with (
            _run_server(namespace, release.recipe, server, kind, accelerated_by) as server_machine,
            capture(namespace.packet_socket(watched), directory / NETWORK_LOG) as captured,
            run_router(namespace.packet_socket(bridge)),
            ExitStack() as cables,
        ):
            # The path below /proc is short enough for a socket's name, which that of `directory` may not be (unix(7)).
            directory = namespace.path(INSIDE)
            server_machine.install(release)
            if state is not None:
                cables.enter_context(_copy_state(server_machine, release.recipe.root.state))
            server_machine.start()
            yield Rack(release, server, server_machine, namespace, directory, captured, accelerated_by, cables)


@contextmanager
def _copy_state(server: RackServer, place: str) -> Iterator[None]:
    """Copy the nodes' state to `place` on the server, and back when the block is left.

    The server needs a copy because exports have to be on a file system of their own.
    """
    _copy(server, STATE, place)
    yield
    _copy(server, place, STATE)


def _copy(server: RackServer, source: str, target: str) -> None:
    done = server.run(["cp", "-a", f"{source}/.", target])
    if done.status != 0:
        raise NfsrootError(f"the nodes' state could not be copied to {target} on the server", details=done.text)


@contextmanager
def _run_server(
    namespace: Namespace, recipe: Recipe, server: Server, kind: ServerKind, accelerated_by: Accelerator
) -> Iterator[RackServer]:
    """Run the server of a rack, on which nothing is installed yet."""
    if kind is ServerKind.VM:
        network.add_free_address(namespace, recipe.cluster, recipe.cluster.server.interface or BRIDGE)
        with run_virtual_server(namespace, recipe, server, accelerated_by) as virtual:
            yield virtual
    else:
        network.add_server_address(namespace, recipe.cluster, recipe.cluster.server.interface or BRIDGE)
        meter = Meter(namespace.path("/proc"))
        with run_meter(meter):
            yield NamespaceServer(namespace, server, namespace.path(INSIDE), meter)


def _count_of_node(node: Node, counted: Counter[tuple[str, int]]) -> dict[str, int]:
    """Give the counts of a node, by protocol."""
    now = counted.copy()
    return {name: now[node.mac, port] for name, port in (("tftp", TFTP), ("http", HTTP), ("nfs", NFS))}


def _name_tap(node: Node) -> str:
    return f"tap{node.ordinal}"


def _name_socket(node: Node) -> str:
    return f"cable{node.ordinal}.sock"
