"""A network cable between a node and the bridge, which can lose frames or deliver them late.

The lab copies each frame between the node's QEMU and the bridge's port.  The kernel could lose and delay frames itself,
but not every kernel has the module for it (sch_netem, tc-netem(8)).
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder.lab.machine.namespace import Namespace
from builder.parallel import Stopped, beside

TUN = "/dev/net/tun"
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
"""ioctl(2) and flags that open the other end of a tap device (Linux, tuntap.rst)."""

MOST = 65536
LENGTH = struct.Struct("!I")
"""The length that QEMU writes before each frame of a stream (qemu-system-x86_64(1), -netdev stream)."""

IDLE_SECONDS = 0.2


@dataclass(frozen=True)
class Quality:
    """The quality of a cable.

    `loss` is the share of frames that get lost, in both directions (0 to 1).  `delay` is the time, in seconds, that
    frames to the node take.
    """

    loss: float = 0.0
    delay: float = 0.0


PERFECT = Quality()


class Cable:
    """A cable between `tap` (a file descriptor) and the QEMU that connects to `listener`.

    Its `quality` may be changed at any time.  With the same `seed`, the same frames get lost.
    """

    def __init__(self, tap: int, listener: socket.socket, seed: str) -> None:
        self.quality = PERFECT
        self._tap = tap
        self._listener = listener
        self._dice = random.Random(seed)
        self._late: deque[tuple[float, bytes]] = deque()

    def carry(self, stopped: Stopped) -> None:
        """Carry frames from the node's power-on until its power is cut or `stopped` returns true."""
        self._listener.settimeout(IDLE_SECONDS)
        while not stopped():
            try:
                node, _ = self._listener.accept()
            except TimeoutError:
                continue
            with node:
                self._carry(node, stopped)

    def _carry(self, node: socket.socket, stopped: Stopped) -> None:
        node.settimeout(None)
        received = b""
        while not stopped():
            ready, _, _ = select.select([self._tap, node.fileno()], [], [], self._until_due())
            try:
                if self._tap in ready:
                    self._late.append((time.monotonic() + self.quality.delay, os.read(self._tap, MOST)))
                self._deliver(node)
                if node.fileno() in ready:
                    more = node.recv(MOST)
                    received = self._to_bridge(received + more)
                    if not more:
                        return
            except OSError:  # QEMU has ended
                return

    def _until_due(self) -> float:
        return max(0.0, min(IDLE_SECONDS, self._late[0][0] - time.monotonic())) if self._late else IDLE_SECONDS

    def _deliver(self, node: socket.socket) -> None:
        """Send the node the frames that have been delayed long enough."""
        while self._late and self._late[0][0] <= time.monotonic():
            _, frame = self._late.popleft()
            if not self._lost():
                node.sendall(LENGTH.pack(len(frame)) + frame)

    def _to_bridge(self, received: bytes) -> bytes:
        """Send each whole frame in `received`, the bytes from the node, to the bridge; give the bytes after them."""
        while len(received) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(received)[0]
            if len(received) < end:
                break
            if not self._lost():
                os.write(self._tap, received[LENGTH.size : end])
            received = received[end:]
        return received

    def _lost(self) -> bool:
        return self._dice.random() < self.quality.loss


@contextmanager
def lay_cable(namespace: Namespace, tap: str, path: Path, seed: str) -> Iterator[Cable]:
    """Lay a perfect cable from the bridge's port `tap` to the QEMU that will connect to the socket `path`."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        device = namespace.in_network(lambda: _open(tap))
        laid = Cable(device, listener, seed)
        try:
            with beside(f"the cable at {tap}", laid.carry):
                yield laid
        finally:
            os.close(device)


def _open(tap: str) -> int:
    device = os.open(TUN, os.O_RDWR)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", tap.encode(), IFF_TAP | IFF_NO_PI))
    return device
