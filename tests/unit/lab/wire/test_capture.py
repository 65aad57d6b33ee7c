"""The capture of the rack's network: what it sees, and what becomes of a lab whose capture fails."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from frames import NODE, dhcp

from builder.errors import NfsrootError
from builder.lab.wire import capture as captures
from builder.lab.wire.capture import Capture, capture
from builder.lab.wire.dissector import Dissector
from builder.lab.wire.event import Kind

SECONDS = 20.0


def await_event(captured: Capture) -> None:
    """Wait as the lab waits for a node."""
    deadline = time.monotonic() + SECONDS
    while not captured.since(0.0, NODE):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> tuple[socket.socket, socket.socket]:
    """The capture's end of a network, to which any buffer is large enough, and the other one."""
    monkeypatch.setattr(captures, "SO_RCVBUFFORCE", socket.SO_RCVBUF)
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def test_what_is_seen_is_logged(ends: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    """Each event is there for who asks, and a line of the log."""
    watch, other = ends
    with other, capture(watch, tmp_path / "log") as captured:
        other.send(dhcp(1, b"PXEClient"))
        await_event(captured)
    assert [event.kind for event in captured.events] == [Kind.DHCP_DISCOVER]
    assert (tmp_path / "log").read_text().endswith("DHCPDISCOVER PXEClient\n")


def test_who_waits_for_a_node_learns_that_nobody_looks(
    ends: tuple[socket.socket, socket.socket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A capture that fails ends the wait for a node at once, and not as if the node had hung."""

    def see(*_of: object) -> None:
        raise ValueError("blksize abc")

    monkeypatch.setattr(Dissector, "dissect", see)
    watch, other = ends
    with (
        other,
        pytest.raises(NfsrootError, match="the capture of the lab's network failed: ValueError: blksize abc"),
        capture(watch, tmp_path / "log") as captured,
    ):
        other.send(dhcp(1, b"PXEClient"))
        await_event(captured)
