"""How long a boot storm takes: bounds of operational analysis, phase by phase.

Nodes that are switched on at once and do the same are served alike, and so go through their phases side by side.  A
phase then lasts as long as one node alone takes for it, or as long as the busiest resource needs for all of them, if
that is longer (the asymptotic bounds of a closed queueing network: Denning and Buzen, "The Operational Analysis of
Queueing Network Models", 1978).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.capacity.measurement import Stage
from builder.lab.phases import Phase

NODE = "the nodes themselves"
ROUND_TRIPS = "round trips"
NODE_LINK = "the nodes' links"
LINK = "the server's link"
PROCESSORS = "the server's processors"
SHARED = "the processors that all share"


@dataclass(frozen=True)
class Site:
    """Where the nodes are, and how many.

    `link` and `node_link` are bit/s, of each server and of each node; `delay` is how many seconds a round trip takes
    more than on the lab's bridge; `processors` are each server's.  A node's processor is `node_speed` times as fast as
    in the lab.  With `shared_processors`, nodes are virtual machines that share so many with each other, with the
    server and with the lab.
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
    """How many seconds a resource alone would need."""

    resource: str
    seconds: float


@dataclass(frozen=True)
class PhaseEstimate:
    """A phase that all nodes are in: `limit` is why it is not shorter, `loads` are those of every resource."""

    phase: Phase
    seconds: float
    limit: str
    loads: tuple[Load, ...]


@dataclass(frozen=True)
class Estimate:
    """From power-on until the last node runs, in seconds; `limit` is the resource that costs most of them."""

    seconds: float
    limit: str
    limit_seconds: float
    phases: tuple[PhaseEstimate, ...]


def estimate(stages: Sequence[Stage], site: Site) -> Estimate:
    """What it takes when every node is switched on at once."""
    phases = tuple(_phase(stage, site) for stage in stages)
    by_limit: dict[str, float] = {}
    for phase in phases:
        by_limit[phase.limit] = by_limit.get(phase.limit, 0.0) + phase.seconds
    limit = max(by_limit, key=lambda resource: by_limit[resource])
    return Estimate(sum(phase.seconds for phase in phases), limit, by_limit[limit], phases)


def alone(stage: Stage, site: Site) -> tuple[Load, ...]:
    """What a phase takes a node that has everything for itself: these come one after the other."""
    return (
        Load(NODE, stage.processor / site.node_speed + stage.seconds - stage.processor),
        Load(ROUND_TRIPS, stage.asked * site.delay),
        Load(NODE_LINK, stage.bytes * 8 / site.node_link),
    )


def shared(stage: Stage, site: Site, nodes: int) -> Iterator[Load]:
    """What each resource needs that `nodes` nodes share, evenly among the servers: these work side by side."""
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
