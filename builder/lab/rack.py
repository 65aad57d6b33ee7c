"""The rack: a release's servers and nodes on a private network of this machine."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from builder.cache import Cache
from builder.lab import accelerator, network, overlay
from builder.lab.agent import Answer, oem_string
from builder.lab.capture import Capture, capture
from builder.lab.directory import INSIDE, NETWORK_LOG
from builder.lab.namespace import Namespace, machine
from builder.lab.node import VirtualNode, power_on
from builder.lab.qemu import FLASH, Accelerator, Firmware, NodeMachine
from builder.lab.release import Release
from builder.lab.server import ServerMachine
from builder.lab.servers import NamespaceServer
from builder.recipe.models import Node, Server

BRIDGE = "cluster0"


class Rack:
    """A rack whose servers run; see `rack`."""

    def __init__(
        self,
        release: Release,
        server: Server,
        server_machine: ServerMachine,
        inside: Namespace,
        directory: Path,
        captured: Capture,
        accelerated_by: Accelerator,
    ) -> None:
        self.release = release
        self.server = server
        self._server_machine = server_machine
        self._inside = inside
        self._directory = directory
        self._capture = captured
        self._accelerator = accelerated_by
        self._processes: list[subprocess.Popen[bytes]] = []
        self.overlay = overlay.files(release.root_tarball, directory)

    @property
    def accelerator(self) -> Accelerator:
        """How nodes run."""
        return self._accelerator

    @contextmanager
    def power_on(self, node: Node, firmware: Firmware, patience: float = 1.0) -> Iterator[VirtualNode]:
        """Power `node` on; its power is cut when the block is left.  Limits of time are multiplied by `patience`.

        :raises NfsrootError: QEMU did not start.
        """
        directory = self._directory / node.name
        directory.mkdir()
        word = secrets.token_hex(8)
        (directory / "oem-string").write_text(oem_string(word))
        if firmware in FLASH:
            shutil.copy(FLASH[firmware].variables, directory)
        at = Path(INSIDE, node.name)
        hardware = NodeMachine(node.name, node.mac, _tap(node), at, (at / "oem-string",), firmware, self._accelerator)
        process = self._inside.start(hardware.arguments(), directory / "qemu.log")
        self._processes.append(process)
        with power_on(node, process, directory, self._capture, word, patience) as virtual:
            yield virtual

    def bytes_by_port(self, node: Node) -> dict[int, int]:
        """Bytes of frames between `node` and each server port (69: TFTP, 2049: NFS)."""
        return {port: count for (mac, port), count in self._capture.wire.bytes_by.copy().items() if mac == node.mac}

    def cut_power(self) -> None:
        """Take the power from every node."""
        for process in self._processes:
            process.kill()

    def on_server(self, argv: Sequence[str]) -> Answer:
        """What `argv` writes when it is run on the server, and its exit status."""
        return self._server_machine.run(argv)


@contextmanager
def rack(release: Release, server: Server, directory: Path, cache: Cache) -> Iterator[Rack]:
    """A rack with `release` installed by its own server bundle and running the servers that `server` names.

    `directory` gets the logs; everything else is in memory and gone when the block is left, or when this
    process ends in any other way.

    :raises InputError: this process is not root's.
    :raises NfsrootError: the bundle could not be installed, or a server did not start.
    """
    cluster = release.recipe.cluster
    bridge = cluster.server.interface or BRIDGE
    mounts = {"/release": release.directory, INSIDE: directory}
    with machine(cluster.server.name, mounts, tmpfs=[release.recipe.root.path]) as inside:
        network.connect(inside, bridge, map(_tap, cluster.nodes))
        network.become_server(inside, cluster, bridge)
        server_machine = NamespaceServer(inside, server, directory)
        server_machine.install(release)
        server_machine.start()
        kernel = f"/release/{release.kernel.name}"
        accelerated_by = accelerator.remembered(cache, inside, kernel, directory / "kvm.log")
        with capture(inside.packet_socket(bridge), directory / NETWORK_LOG) as captured:
            yield Rack(release, server, server_machine, inside, directory, captured, accelerated_by)


def _tap(node: Node) -> str:
    return f"tap{node.ordinal}"
