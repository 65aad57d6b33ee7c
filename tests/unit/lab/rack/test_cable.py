from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from builder.lab.rack.cable import Cable, Quality
from builder.parallel import beside

SECONDS = 10.0
FRAMES = [bytes([number]) * 60 for number in range(200)]


class Ends:
    """A cable's two ends: that of the bridge, and that of a node's QEMU, which writes a length before each frame."""

    def __init__(self, cable: Cable, bridge: socket.socket, node: socket.socket) -> None:
        self.cable = cable
        self.bridge = bridge
        self.node = node
        for end in (bridge, node):
            end.settimeout(SECONDS)

    def node_sends(self, *frames: bytes) -> None:
        """Have the node send frames, the first of them in two parts."""
        stream = b"".join(struct.pack("!I", len(frame)) + frame for frame in frames)
        self.node.sendall(stream[:7])
        self.node.sendall(stream[7:])

    def node_gets(self) -> bytes:
        """The next frame that reaches the node."""
        (size,) = struct.unpack("!I", self.node.recv(4, socket.MSG_WAITALL))
        return self.node.recv(size, socket.MSG_WAITALL)


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """A perfect cable that carries."""
    tap, bridge = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with tap, bridge, socket.socket(socket.AF_UNIX) as listener, closing(socket.socket(socket.AF_UNIX)) as node:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        cable = Cable(tap.fileno(), listener, "52:54:00:00:01:01")
        with beside("cable", cable.carry):
            node.connect(str(tmp_path / "socket"))
            yield Ends(cable, bridge, node)


def test_perfect_cable(ends: Ends) -> None:
    """Every frame arrives whole and in order, either way."""
    ends.node_sends(*FRAMES)
    assert [ends.bridge.recv(2048) for _ in FRAMES] == FRAMES
    for frame in FRAMES[:20]:
        ends.bridge.send(frame)
    assert [ends.node_gets() for _ in FRAMES[:20]] == FRAMES[:20]


def test_lossy_cable(ends: Ends) -> None:
    """Some frames are lost and the others arrive, until the cable is mended."""
    ends.cable.quality = Quality(loss=0.2)
    ends.node_sends(*FRAMES)
    time.sleep(0.5)
    ends.cable.quality = Quality()
    ends.node_sends(b"the end")
    arrived = []
    while (frame := ends.bridge.recv(2048)) != b"the end":
        arrived.append(frame)
    assert arrived == [frame for frame in FRAMES if frame in arrived]
    assert 0.1 < 1 - len(arrived) / len(FRAMES) < 0.3


def test_late_cable(ends: Ends) -> None:
    """What comes from the server is late, in order; what the node sends is not."""
    ends.cable.quality = Quality(delay=1.5)
    began = time.monotonic()
    for frame in FRAMES[:3]:
        ends.bridge.send(frame)
    ends.node_sends(b"at once, and more")
    assert ends.bridge.recv(2048) == b"at once, and more"
    assert time.monotonic() - began < 1.5
    assert [ends.node_gets() for _ in range(3)] == FRAMES[:3]
    assert time.monotonic() - began >= 1.5


def test_node_that_is_powered_off_and_on(ends: Ends, tmp_path: Path) -> None:
    """A cable outlives its node's power, and carries for the next QEMU."""
    ends.node.close()
    with socket.socket(socket.AF_UNIX) as again:
        again.connect(str(tmp_path / "socket"))
        after = Ends(ends.cable, ends.bridge, again)
        after.node_sends(b"hello, here I am")
        assert ends.bridge.recv(2048) == b"hello, here I am"
