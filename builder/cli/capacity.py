"""`nfsroot capacity`: estimates how long a boot storm takes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.output import write

if TYPE_CHECKING:
    from builder.capacity.changes import Change
    from builder.capacity.measurement import Measurement
    from builder.capacity.model import Estimate, Site

UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}


def _rate(_context: click.Context, _option: click.Parameter, value: str) -> float:
    """The bits per second of a rate as users write it: `10G`, `2.5G`, `100M`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kMG]?)", value)
    if not found or not float(found[1]):
        raise click.BadParameter(f"{value!r} is no rate in bit/s, such as 10G, 2.5G or 100M.")
    return float(found[1]) * UNITS[found[2]]


@click.command("capacity")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--nodes", type=click.IntRange(min=1), metavar="N", help="How many nodes. [default: the cluster's]")
@click.option(
    "--link", callback=_rate, default="1G", show_default=True, metavar="RATE", help="Link of each server, in bit/s.",
)  # fmt: skip
@click.option(
    "--node-link", callback=_rate, default="1G", show_default=True, metavar="RATE", help="Link of each node, in bit/s.",
)  # fmt: skip
@click.option(
    "--delay", type=click.FloatRange(min=0), default=0.2, show_default=True, metavar="MS",
    help="Time that a round trip takes on the network, in addition to what it takes within one machine.",
)  # fmt: skip
@click.option(
    "--processors", type=click.IntRange(min=1), metavar="N",
    help="Processors of each server, as fast as this lab's. [default: as many as the lab had]",
)  # fmt: skip
@click.option(
    "--servers", type=click.IntRange(min=1), default=1, show_default=True, metavar="N", help="How many servers."
)
@click.option(
    "--node-speed", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, metavar="X",
    help="Speed of a node's processor, as a multiple of the processor that QEMU gave the node in the lab.",
)  # fmt: skip
@click.option(
    "--shared-processors", type=click.IntRange(min=1), metavar="N",
    help="Nodes are virtual machines that share this number of processors with the server, as in the lab.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the estimate as JSON.")
def command(
    release: Path,
    nodes: int | None,
    link: float,
    node_link: float,
    delay: float,
    processors: int | None,
    servers: int,
    node_speed: float,
    shared_processors: int | None,
    as_json: bool,
) -> None:
    """Estimate how long the nodes of the release in directory RELEASE take to boot when all are switched on at once.

    The estimate comes from what `nfsroot lab` measured of one node that booted alone.

    \b
    Examples:
      nfsroot capacity output/kerrighed/2026.01.31 --nodes 1000 --link 10G
      nfsroot capacity output/kerrighed/2026.01.31 --nodes 8 --shared-processors 2
    """
    from builder.capacity.changes import changes
    from builder.capacity.measurement import of
    from builder.capacity.model import Site, estimate
    from builder.lab.released.release import read_release
    from builder.server.settings import recipe_sizes

    found = read_release(release)
    measured = of(found)
    site = Site(
        nodes=nodes or len(found.recipe.cluster.nodes),
        link=link,
        node_link=node_link,
        delay=delay / 1000,
        processors=processors or measured.cell.processors,
        servers=servers,
        node_speed=node_speed,
        shared_processors=shared_processors,
    )
    storm, others = estimate(measured.stages, site), changes(measured, site)
    room = recipe_sizes(found.recipe).nodes
    if as_json:
        told = {
            "site": asdict(site),
            "settings_carry": room,
            "estimate": asdict(storm),
            "changes": [asdict(change) for change in others],
        }
        write(json.dumps(told, indent=1))
        return
    for line in (*lines(measured, site, storm, others), *too_small(site, room)):
        write(line)


def lines(measured: Measurement, site: Site, storm: Estimate, others: tuple[Change, ...]) -> Iterator[str]:
    """The estimate for people."""
    cell = measured.cell
    yield (
        f"Measured on {cell.started:%Y-%m-%d}: {cell.asked[0]} alone, firmware {cell.firmware}, DHCP by {cell.dhcp}, "
        f"TFTP by {cell.tftp}, NFS by {cell.nfs}, a node's processor made by QEMU's {cell.accelerator}"
    )
    yield f"{site.nodes} nodes at once; {site.servers} x {rate(site.link)}bit/s, {site.processors} processors"
    yield ""
    yield f"{'phase':12}{'seconds':>9}  limited by"
    for phase in storm.phases:
        yield f"{phase.phase:12}{phase.seconds:9.1f}  {phase.limit}"
    yield f"{'all':12}{storm.seconds:9.1f}  {storm.limit}, for {storm.limit_seconds:.0f} s"
    yield ""
    yield f"All nodes run after {storm.seconds / 60:.1f} minutes.  What changes that:"
    for change in others:
        yield f"  {change.seconds / 60:6.1f} min  {change.what}; then limited by {change.limit}"


def too_small(site: Site, room: int) -> Iterator[str]:
    """A warning when each server gets more nodes than the settings of the release carry, which are `room`."""
    if site.nodes > room * site.servers:
        yield ""
        yield f"The settings of this release carry {room} nodes a server: its cluster has no more.  With {site.nodes}"
        yield "neighbours (ARP), threads or connections run out: write all nodes into the cluster file and build."


def rate(bits: float) -> str:
    """The text of a rate in bit/s: `10 G`."""
    unit, factor = max(((unit, factor) for unit, factor in UNITS.items() if factor <= bits), key=lambda each: each[1])
    return f"{bits / factor:g} {unit}"
