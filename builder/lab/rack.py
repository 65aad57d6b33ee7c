"""The rack: a release's servers and nodes on a private network of this machine."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.errors import InputError
from builder.lab import accelerator, servers
from builder.lab.agent import oem_string
from builder.lab.capture import Capture, capture
from builder.lab.namespace import Namespace, machine
from builder.lab.node import VirtualNode, power_on
from builder.lab.qemu import FLASH, Accelerator, Firmware, NodeMachine
from builder.lab.release import Release
from builder.lab.servers import LAB
from builder.recipe.models import Node

BRIDGE = "cluster0"


class Rack:
    """A rack whose servers run; see `rack`."""

    def __init__(
        self, release: Release, inside: Namespace, directory: Path, captured: Capture, accelerated_by: Accelerator
    ) -> None:
        self.release = release
        self._inside = inside
        self._directory = directory
        self._capture = captured
        self._accelerator = accelerated_by

    @contextmanager
    def boot(self, name: str, firmware: Firmware = Firmware.BIOS) -> Iterator[VirtualNode]:
        """Power node `name` on and wait until it runs; it is powered off when the block is left.

        :raises InputError: the release has no such node.
        :raises NodeStuck: the node hung or stopped on its way; see `builder.lab.node`.
        """
        node = self._node(name)
        directory = self._directory / name
        directory.mkdir()
        word = secrets.token_hex(8)
        (directory / "oem-string").write_text(oem_string(word))
        if firmware in FLASH:
            shutil.copy(FLASH[firmware].variables, directory)
        at = Path(LAB, name)
        hardware = NodeMachine(name, node.mac, _tap(node), at, (at / "oem-string",), firmware, self._accelerator)
        process = self._inside.start(hardware.arguments(), directory / "qemu.log")
        with power_on(node, process, directory, self._capture, word) as virtual:
            yield virtual

    def bytes_by_port(self, name: str) -> dict[int, int]:
        """Bytes of frames between node `name` and each server port (69: TFTP, 2049: NFS)."""
        mac = self._node(name).mac
        return {port: count for (of, port), count in self._capture.wire.bytes_by.items() if of == mac}

    def _node(self, name: str) -> Node:
        nodes = {node.name: node for node in self.release.recipe.cluster.nodes}
        if name not in nodes:
            raise InputError(f"the release has no node {name}", resolution=f"Its nodes are {', '.join(nodes)}.")
        return nodes[name]


@contextmanager
def rack(release: Release, directory: Path) -> Iterator[Rack]:
    """A rack with `release` installed by its own server bundle and its servers running.

    `directory` gets the logs; everything else is in memory and gone when the block is left, or when this
    process ends in any other way.

    :raises InputError: this process is not root's.
    :raises NfsrootError: the bundle could not be installed, or a server did not start.
    """
    cluster = release.recipe.cluster
    bridge = cluster.server.interface or BRIDGE
    mounts = {"/release": release.directory, LAB: directory}
    with machine(cluster.server.name, mounts, tmpfs=[release.recipe.root.path]) as inside:
        servers.install(inside, release)
        servers.connect(inside, cluster, bridge, map(_tap, cluster.nodes))
        servers.start(inside, directory)
        accelerated_by = accelerator.probe(inside, f"/release/{release.kernel.name}", directory / "kvm.log")
        with capture(inside.packet_socket(bridge), directory / "network.log") as captured:
            yield Rack(release, inside, directory, captured, accelerated_by)


def _tap(node: Node) -> str:
    return f"tap{node.ordinal}"
