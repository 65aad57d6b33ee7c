"""Faults of DHCP: the server is stopped for a while, or an unknown machine asks for an address."""

from __future__ import annotations

import time

from builder.lab.checks.model import Finding
from builder.lab.faults.dhcp_discover import build_discover
from builder.lab.faults.model import BootFault, RunningFault, judge_boot
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import Kind

SECONDS_TO_ANSWER = 10.0
SECONDS_OF_SILENCE = 5.0
SECONDS_BETWEEN = 1.0
"""The seconds after which a request that nobody answered is sent again."""
SECONDS_TO_ASK = 90.0
SECONDS_AWAY = 5.0
"""The seconds for which the server stays stopped after a node has asked."""

POLL_SECONDS = 0.1
UNKNOWN = "02:00:00:00:be:ef"
"""A MAC address that no node has; it is administered locally (IEEE 802), so that no network card has it either."""

STATE = "ip -oneline -4 address show scope global; systemctl is-system-running"


def wait_for_offer(rack: Rack, mac: str, seconds: float) -> bool:
    """Ask for an address as a boot ROM with this MAC address, again and again; tell if an offer comes within `seconds`.

    A client repeats its request because a datagram may get lost (RFC 2131 section 4.1).
    """
    request = build_discover(mac)
    began = asks_at = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        if now >= asks_at:
            rack.send(request)
            asks_at = now + SECONDS_BETWEEN
        if any(event.kind is Kind.DHCP_OFFER for event in rack.list_events(mac, began)):
            return True
        time.sleep(POLL_SECONDS)
    return False


def check_strangers(rack: Rack, known: str) -> Finding:
    """Check that the server answers the MAC address `known`, which a node has, and not one that no node has."""
    problems = (
        []
        if wait_for_offer(rack, known, SECONDS_TO_ANSWER)
        else [f"the server did not answer {known}, which a node has"]
    )
    if wait_for_offer(rack, UNKNOWN, SECONDS_OF_SILENCE):
        problems.append(f"the server made an offer to {UNKNOWN}, which no node has")
    return Finding(
        f"the server made an offer to {known}, and none to {UNKNOWN} within {SECONDS_OF_SILENCE:.0f} s", tuple(problems)
    )


def _ask_as_stranger(rack: Rack, virtual: VirtualNode) -> Finding:
    return check_strangers(rack, virtual.node.mac)


def _restart_server(rack: Rack, virtual: VirtualNode) -> Finding:
    before = virtual.ask(STATE).text
    rack.server_machine.stop_role("dhcp")
    deaf = not wait_for_offer(rack, virtual.node.mac, SECONDS_AWAY)
    rack.server_machine.start_role("dhcp")
    problems = [] if deaf else ["the server answered although it was stopped"]
    if not wait_for_offer(rack, virtual.node.mac, SECONDS_TO_ANSWER):
        problems.append("the server that was started again does not answer")
    after = virtual.ask(STATE).text
    if after != before:
        problems.append(f"before: {before}; after: {after}")
    return Finding(" ".join(after.split()), tuple(problems))


def _stop_until_asked(rack: Rack, virtual: VirtualNode) -> None:
    """Stop the server, and start it again some seconds after the initramfs has asked for an address."""
    rack.server_machine.stop_role("dhcp")
    began = time.monotonic()
    while not _has_asked(rack, virtual, began) and time.monotonic() < began + SECONDS_TO_ASK:
        time.sleep(POLL_SECONDS)
    time.sleep(SECONDS_AWAY)
    rack.server_machine.start_role("dhcp")


def _has_asked(rack: Rack, virtual: VirtualNode, since: float) -> bool:
    return any(event.kind is Kind.DHCP_DISCOVER for event in rack.list_events(virtual.node.mac, since))


FAULTS = (
    RunningFault(
        name="dhcp-restart",
        done="the DHCP server is stopped and started again while the node runs",
        holds="the node keeps its address, and the server answers again",
        strike=_restart_server,
    ),
    RunningFault(
        name="unknown-mac",
        done="a machine asks for an address that is no node",
        holds="the DHCP server does not answer it",
        strike=_ask_as_stranger,
    ),
    BootFault(
        name="dhcp-outage",
        done=f"the DHCP server comes back only {SECONDS_AWAY:.0f} s after the node's initramfs has asked in vain",
        holds="the node boots",
        judge=judge_boot,
        reach={Phase.KERNEL: _stop_until_asked},
    ),
)
