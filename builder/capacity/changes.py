"""Changes to a site that would shorten a boot storm, each with the estimate after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from builder.capacity.measurement import Measurement, Stage
from builder.capacity.model import Site, estimate, shared
from builder.lab.report.report import RoundTrips, Traffic
from builder.lab.vocabulary.phase import Phase
from builder.recipe.choices import RootKind, Transport


@dataclass(frozen=True)
class Ratio:
    """The cost of a phase after a change, divided by its cost before, as measured of one node each.

    `served` is the servers' processor time, `seconds` the node's.
    """

    bytes: float
    round_trips: float
    served: float
    seconds: float


IMAGE = Ratio(bytes=0.60, round_trips=0.066, served=0.16, seconds=0.69)
"""The cost of NFS for an image, relative to NFS for the tree in it (docs/explanation/capacity.md)."""

HTTP = Ratio(bytes=0.98, round_trips=0.13, served=0.14, seconds=2.1)
"""The cost of GRUB over HTTP, from nginx, relative to GRUB over TFTP.

The ratios are from docs/explanation/capacity.md, that of round trips from docs/explanation/tftp-or-http.md.  GRUB keeps
a slow processor of a node busier over HTTP; this shows in the lab, whose packets have no delay.
"""


@dataclass(frozen=True)
class Change:
    """A change to the site: the seconds that all nodes take after it, and the resource that limits them then."""

    what: str
    seconds: float
    limit: str


def changes(measurement: Measurement, site: Site) -> tuple[Change, ...]:
    """The changes to the site that are not in effect yet, each with its estimate."""
    stages, found = measurement.stages, []
    if measurement.transport is Transport.TFTP:
        found.append(_change("kernel and initramfs over HTTP", tuple(map(over_http, stages)), site))
    if measurement.root is RootKind.DIRECTORY:
        found.append(_change("an image as root", tuple(map(image, stages)), site))
    more = replace(site, servers=site.servers + 1)
    found.append(_change(f"{more.servers} servers", stages, more))
    found.append(staggered(measurement, site))
    return tuple(found)


def staggered(measurement: Measurement, site: Site) -> Change:
    """The change of switching nodes on one after the other, as fast as the busiest resource can serve them.

    No node waits for another then: each boots as if it were alone.  While some load their kernel, others read their
    root, so the link and the processors work at the same time.
    """
    loads: dict[str, float] = {}
    for stage in measurement.stages:
        for load in shared(stage, site, 1):
            loads[load.resource] = loads.get(load.resource, 0.0) + load.seconds
    limit = max(loads, key=lambda resource: loads[resource])
    pause = loads[limit]
    alone = estimate(measurement.stages, replace(site, nodes=1))
    total = (site.nodes - 1) * pause + alone.seconds
    what = f"a node every {pause:.3g} s"
    return Change(what, total, limit if total > 2 * alone.seconds else alone.limit)


def over_http(stage: Stage) -> Stage:
    """Return the phase as it is when GRUB loads its files over HTTP; the firmware itself loads files by TFTP."""
    if stage.phase is not Phase.GRUB:
        return stage
    moved, asked = stage.traffic, stage.round_trips
    return replace(
        _times(stage, HTTP),
        traffic=Traffic(http=moved.http + ceil(moved.tftp * HTTP.bytes), nfs=moved.nfs),
        round_trips=RoundTrips(http=asked.http + ceil(asked.tftp * HTTP.round_trips), nfs=asked.nfs),
    )


def image(stage: Stage) -> Stage:
    """The phase with an image as root, if it reads over NFS."""
    if not stage.traffic.nfs:
        return stage
    moved, asked = stage.traffic, stage.round_trips
    return replace(
        _times(stage, IMAGE),
        traffic=moved.model_copy(update={"nfs": ceil(moved.nfs * IMAGE.bytes)}),
        round_trips=asked.model_copy(update={"nfs": ceil(asked.nfs * IMAGE.round_trips)}),
    )


def _times(stage: Stage, ratio: Ratio) -> Stage:
    """The phase with its processor times multiplied by `ratio`; the node waits as long as before."""
    faster = stage.processor * (1 - ratio.seconds)
    daemons = tuple(replace(daemon, seconds=daemon.seconds * ratio.served) for daemon in stage.daemons)
    return replace(stage, seconds=stage.seconds - faster, processor=stage.processor - faster, daemons=daemons)


def _change(what: str, stages: tuple[Stage, ...], site: Site) -> Change:
    then = estimate(stages, site)
    return Change(what, then.seconds, then.limit)
