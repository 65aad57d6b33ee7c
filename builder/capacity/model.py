"""The estimate of a boot storm's duration: bounds of operational analysis, phase by phase.

Nodes that are switched on at once and do the same are served alike, and so go through their phases side by side.  A
phase then lasts as long as one node alone takes for it, or as long as the busiest resource needs for all nodes,
whichever is longer (the asymptotic bounds of a closed queueing network: Denning and Buzen, "The Operational Analysis of
Queueing Network Models", 1978).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.capacity.measurement import Stage
from builder.lab.vocabulary.phase import Phase

NODE = "the nodes themselves"
ROUND_TRIPS = "round trips"
NODE_LINK = "the nodes' links"
LINK = "the server's link"
PROCESSORS = "the server's processors"
SHARED = "the processors that all share"


@dataclass(frozen=True)
class Site:
    """The site of a boot storm: the number of nodes, their servers and the network.

    `link` and `node_link` are the speeds, in bit/s, of each server's and of each node's link.  `delay` is the time, in
    seconds, that a round trip takes longer than on the lab's bridge.  `processors` is the number in each server.  A
    node's processor is `node_speed` times as fast as in the lab.  `shared_processors` is for nodes that are virtual
    machines: the number of processors that they share with each other, with the server and with the lab.
    """

    nodes: int
    link: float
    node_link: float
    delay: float
    processors: int
    servers: int = 1
    node_speed: float = 1.0
    shared_processors: int | None = None


@dataclass(frozen=True)
class Load:
    """The time, in seconds, that a resource alone would need."""

    resource: str
    seconds: float


@dataclass(frozen=True)
class PhaseEstimate:
    """The estimate of a phase for all nodes: `limit` is the resource that needs longest, `loads` are those of all."""

    phase: Phase
    seconds: float
    limit: str
    loads: tuple[Load, ...]


@dataclass(frozen=True)
class Estimate:
    """The seconds from power-on until the last node runs; `limit` is the resource that costs most of them."""

    seconds: float
    limit: str
    limit_seconds: float
    phases: tuple[PhaseEstimate, ...]


def estimate(stages: Sequence[Stage], site: Site) -> Estimate:
    """The estimate for switching all nodes on at once."""
    phases = tuple(_phase(stage, site) for stage in stages)
    by_limit: dict[str, float] = {}
    for phase in phases:
        by_limit[phase.limit] = by_limit.get(phase.limit, 0.0) + phase.seconds
    limit = max(by_limit, key=lambda resource: by_limit[resource])
    return Estimate(sum(phase.seconds for phase in phases), limit, by_limit[limit], phases)


def alone(stage: Stage, site: Site) -> tuple[Load, ...]:
    """The loads of a phase for a node that has all resources for itself; they come one after the other."""
    return (
        Load(NODE, stage.processor / site.node_speed + stage.seconds - stage.processor),
        Load(ROUND_TRIPS, stage.asked * site.delay),
        Load(NODE_LINK, stage.bytes * 8 / site.node_link),
    )


def shared(stage: Stage, site: Site, nodes: int) -> Iterator[Load]:
    """Yield the loads of the resources that `nodes` nodes share, evenly among the servers; they work at one time."""
    served = nodes / site.servers
    yield Load(LINK, served * stage.bytes * 8 / site.link)
    yield Load(PROCESSORS, served * stage.served / site.processors)
    for daemon in stage.daemons:
        if daemon.threads and daemon.seconds:
            yield Load(f"{daemon.name}, which has one thread", served * daemon.seconds / daemon.threads)
    if site.shared_processors:
        busy = stage.processor / site.node_speed + stage.served + stage.lab
        yield Load(SHARED, nodes * busy / site.shared_processors)


def _phase(stage: Stage, site: Site) -> PhaseEstimate:
    own, others = alone(stage, site), tuple(shared(stage, site, site.nodes))
    longest = max(own, key=lambda load: load.seconds)
    bounds = (Load(longest.resource, sum(load.seconds for load in own)), *others)
    bound = max(bounds, key=lambda load: load.seconds)
    return PhaseEstimate(stage.phase, bound.seconds, bound.resource, (*own, *others))
