from __future__ import annotations

from dataclasses import replace

import pytest
from capacity_stages import GRUB, ROOT, SITE
from lab_report import cell, node

from builder.capacity.changes import changes, image, over_http, staggered
from builder.capacity.measurement import Measurement
from builder.capacity.model import LINK, NODE, PROCESSORS, estimate
from builder.recipe.choices import RootKind, Transport

MEASURED = Measurement(cell(node()), Transport.TFTP, RootKind.DIRECTORY, (GRUB, ROOT))


def test_only_what_is_not_so_already() -> None:
    """A release that loads over HTTP and has an image as root is told of servers and of staggering only."""
    assert len(changes(MEASURED, SITE)) == 4
    already = replace(MEASURED, transport=Transport.HTTP, root=RootKind.IMAGE)
    assert [change.what.split()[0] for change in changes(already, SITE)] == ["2", "a"]


def test_http_needs_fewer_round_trips() -> None:
    """Over HTTP what GRUB loads comes in fewer round trips; what the other phases do stays."""
    changed = over_http(GRUB)
    assert changed.traffic.tftp == 0
    assert changed.traffic.http == pytest.approx(GRUB.traffic.tftp, rel=0.05)
    assert 0 < changed.asked < GRUB.asked / 5
    assert over_http(ROOT) == ROOT


def test_image_reads_less() -> None:
    """An image takes less of what the root's phases take, and nothing of the others."""
    changed = image(ROOT)
    assert 0 < changed.traffic.nfs < ROOT.traffic.nfs
    assert 0 < changed.served < ROOT.served
    assert image(GRUB) == GRUB


def test_more_servers_help_where_a_server_is_the_limit() -> None:
    """A second server halves what the server's link takes, and nothing that the nodes take."""
    full = replace(SITE, link=1e8)
    (two,) = (change for change in changes(MEASURED, full) if change.what == "2 servers")
    assert two.seconds == pytest.approx(estimate((GRUB, ROOT), full).seconds / 2)
    (idle,) = (change for change in changes(MEASURED, SITE) if change.what == "2 servers")
    assert (idle.seconds, idle.limit) == (pytest.approx(44.0, rel=1e-3), NODE)


def test_staggered_nodes_keep_every_resource_busy() -> None:
    """One after the other, nodes take turns at the busiest resource, and each boots as if it were alone."""
    site = replace(SITE, link=1e9)
    change = staggered(MEASURED, site)
    assert change.seconds == pytest.approx(999 * 63e6 * 8 / 1e9 + 44.0, rel=1e-3)
    assert change.limit == LINK
    assert staggered(MEASURED, replace(SITE, nodes=1)).seconds == pytest.approx(44.0, rel=1e-3)


def test_staggering_gains_where_phases_need_different_things() -> None:
    """When one phase waits for the link and another for processors, both work at once, which takes less in all."""
    loading, running = replace(GRUB, daemons=()), replace(ROOT, traffic=GRUB.traffic)
    mixed = replace(MEASURED, stages=(loading, running))
    site = replace(SITE, link=1e9, processors=2)
    at_once = estimate(mixed.stages, site)
    assert {phase.limit for phase in at_once.phases} == {LINK, PROCESSORS}
    assert staggered(mixed, site).seconds < at_once.seconds
