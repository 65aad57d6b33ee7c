"""Phases of a boot and a site, made up, for tests of the capacity model."""

from __future__ import annotations

from builder.capacity.measurement import Daemon, Stage
from builder.capacity.model import Site
from builder.lab.report.report import RoundTrips, Traffic
from builder.lab.vocabulary.phase import Phase

GRUB = Stage(
    phase=Phase.GRUB,
    seconds=4.0,
    processor=3.0,
    traffic=Traffic(tftp=25_000_000),
    round_trips=RoundTrips(tftp=24_000),
    daemons=(Daemon("tftpd-hpa", 0.1, None),),
    lab=0.4,
)
ROOT = Stage(
    phase=Phase.SYSTEMD,
    seconds=40.0,
    processor=30.0,
    traffic=Traffic(nfs=38_000_000),
    round_trips=RoundTrips(nfs=5_000),
    daemons=(Daemon("nfs-ganesha", 0.5, None),),
    lab=0.5,
)
SITE = Site(nodes=1000, link=1e15, node_link=1e12, delay=0.0, processors=1000)
"""A thousand nodes on a network and a server that cost nothing."""
