"""How the lab asks a DHCP server for an address."""

from __future__ import annotations

import time
from typing import cast

import pytest

from builder.lab.faults import dhcp
from builder.lab.faults.dhcp import wait_for_offer
from builder.lab.rack.rack import Rack
from builder.lab.wire.event import Kind, WireEvent

MAC = "52:54:00:00:01:01"


class LossyNetwork:
    """A network with a DHCP server, on which the first frames get lost."""

    def __init__(self, lost: int) -> None:
        self._lost = lost
        self.sent: list[bytes] = []

    def send(self, frame: bytes) -> None:
        """Carry a frame, or lose it."""
        self.sent.append(frame)

    def list_events(self, mac: str, since: float) -> list[WireEvent]:
        """The server's offer, once a request has arrived."""
        assert since <= time.monotonic()
        return [WireEvent(time.monotonic(), mac, Kind.DHCP_OFFER)] if len(self.sent) > self._lost else []


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_request_that_is_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    """A DHCP request that gets lost is sent again, unchanged, until the server makes an offer."""
    monkeypatch.setattr(dhcp, "SECONDS_BETWEEN", 0.01)
    monkeypatch.setattr(dhcp, "POLL_SECONDS", 0.001)
    network = LossyNetwork(lost)
    assert wait_for_offer(cast("Rack", network), MAC, 30)
    assert len(network.sent) == lost + 1
    assert len(set(network.sent)) == 1


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """No offer within the time is no offer."""
    monkeypatch.setattr(dhcp, "SECONDS_BETWEEN", 0.01)
    monkeypatch.setattr(dhcp, "POLL_SECONDS", 0.001)
    assert not wait_for_offer(cast("Rack", LossyNetwork(1 << 30)), MAC, 0.1)
