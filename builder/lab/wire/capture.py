"""The capture of Ethernet frames on the rack's network while nodes boot."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from builder.lab.wire.dissector import Dissector
from builder.lab.wire.event import WireEvent
from builder.parallel import Check, Stopped, beside

FRAME_BYTES = 2048
"""The number of bytes that are read of each frame; no DHCP message is longer."""

RECEIVE_BUFFER = 64 << 20
SO_RCVBUFFORCE = 33


class Capture:
    """A capture of a network: the `events` so far, in order, and the `dissector`, which counts bytes and round trips.

    `check` raises the error that ended the capture, if one did.
    """

    def __init__(self, watch: socket.socket, log: Path) -> None:
        self.dissector = Dissector()
        self.events: list[WireEvent] = []
        self.check: Check = lambda: None
        self._socket = watch
        self._log = log
        self._started = time.monotonic()

    def since(self, time: float, mac: str) -> list[WireEvent]:
        """List the events of node `mac` since `time` (seconds, time.monotonic()).

        :raises NfsrootError: the capture has failed, so that a caller would wait for events in vain.
        """
        self.check()
        return [event for event in self.events if event.mac == mac and event.time >= time]

    def follow(self, stopped: Stopped) -> None:
        """Read frames until `stopped` returns true."""
        frame = bytearray(FRAME_BYTES)
        with self._log.open("w", buffering=1, encoding="utf-8") as log:
            while not stopped():
                try:
                    size = self._socket.recv_into(frame, 0, socket.MSG_TRUNC)
                except TimeoutError:
                    continue
                for event in self.dissector.dissect(bytes(frame[:size]), size, time.monotonic()):
                    self.events.append(event)
                    log.write(f"{event.time - self._started:9.3f} {event}\n")


@contextmanager
def capture(watch: socket.socket, log: Path) -> Iterator[Capture]:
    """Read the frames of `watch` (see `Namespace.packet_socket`) in a thread, and write each event to `log`."""
    watch.settimeout(0.2)
    watch.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    captured = Capture(watch, log)
    with watch, beside("the capture of the lab's network", captured.follow) as captured.check:
        yield captured
