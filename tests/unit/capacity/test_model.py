from __future__ import annotations

from dataclasses import replace

import pytest
from capacity_stages import GRUB, ROOT, SITE

from builder.capacity.model import (
    LINK,
    NODE,
    NODE_LINK,
    PROCESSORS,
    ROUND_TRIPS,
    SHARED,
    Site,
    estimate,
)
from builder.lab.vocabulary.phase import Phase


def test_a_node_alone_takes_what_it_took() -> None:
    """On a network and a server that cost nothing, one node takes what the lab measured."""
    storm = estimate((GRUB, ROOT), replace(SITE, nodes=1))
    assert [(phase.phase, phase.limit) for phase in storm.phases] == [(Phase.GRUB, NODE), (Phase.SYSTEMD, NODE)]
    assert storm.seconds == pytest.approx(GRUB.seconds + ROOT.seconds, rel=1e-3)
    assert storm.limit == NODE


@pytest.mark.parametrize(
    ("site", "limit", "seconds"),
    [
        (replace(SITE, link=1e9), LINK, 1000 * 25e6 * 8 / 1e9),
        (replace(SITE, processors=1), PROCESSORS, 1000 * 0.1),
        (replace(SITE, delay=1.0), ROUND_TRIPS, 4 + 24_000 + 25e6 * 8 / 1e12),
        (replace(SITE, node_link=1e6), NODE_LINK, 4 + 25e6 * 8 / 1e6),
        (replace(SITE, shared_processors=2), SHARED, 1000 * (3 + 0.1 + 0.4) / 2),
    ],
)
def test_busiest_resource_is_the_limit(site: Site, limit: str, seconds: float) -> None:
    """A phase lasts as long as its busiest resource needs for all nodes, or a node alone with what comes on the way."""
    (phase,) = estimate((GRUB,), site).phases
    assert phase.limit == limit
    assert phase.seconds == pytest.approx(seconds)


def test_one_thread_uses_one_processor() -> None:
    """A server that answers one after the other gains nothing from more processors."""
    slow = replace(GRUB, daemons=(replace(GRUB.daemons[0], name="dnsmasq", threads=1),))
    (phase,) = estimate((slow,), replace(SITE, processors=64)).phases
    assert (phase.limit, phase.seconds) == ("dnsmasq, which has one thread", pytest.approx(100.0))


def test_a_faster_node_computes_faster_and_waits_as_long() -> None:
    """Of a node's time only that in which its processor was busy shrinks with a faster one."""
    (phase,) = estimate((GRUB,), replace(SITE, nodes=1, node_speed=10)).phases
    assert phase.seconds == pytest.approx(0.3 + 1.0, rel=1e-3)


def test_waiting_in_a_loop_costs_only_who_shares_a_processor() -> None:
    """A boot loader that asks again and again is busy all the time: eight take as long as one, or turns at two."""
    loop = replace(GRUB, processor=GRUB.seconds, daemons=(), lab=0.0)
    (own,) = estimate((loop,), replace(SITE, nodes=8)).phases
    (turns,) = estimate((loop,), replace(SITE, nodes=8, shared_processors=2)).phases
    assert (own.limit, own.seconds) == (NODE, pytest.approx(GRUB.seconds, rel=1e-3))
    assert (turns.limit, turns.seconds) == (SHARED, pytest.approx(8 * GRUB.seconds / 2))


def test_servers_share_the_nodes() -> None:
    """Of a thousand nodes each of three servers has a third; what all share on one machine no server takes away."""
    (phase,) = estimate((GRUB,), replace(SITE, link=1e9, servers=3)).phases
    assert phase.seconds == pytest.approx(1000 / 3 * 25e6 * 8 / 1e9)
    (one,), (three,) = (
        estimate((GRUB,), replace(SITE, shared_processors=2, servers=servers)).phases for servers in (1, 3)
    )
    assert one.seconds == three.seconds


def test_limit_of_a_storm_is_what_costs_most() -> None:
    """Of the limits of the phases, the one that stands for most seconds is the storm's."""
    storm = estimate((GRUB, ROOT), replace(SITE, nodes=100, link=1e9))
    assert [phase.limit for phase in storm.phases] == [LINK, NODE]
    assert (storm.limit, storm.limit_seconds) == (NODE, pytest.approx(40.0, rel=1e-3))
