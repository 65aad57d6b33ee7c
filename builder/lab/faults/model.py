"""What a fault is: something that goes wrong around a node, and what must hold all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.lab.checks.model import Finding
from builder.lab.node import VirtualNode
from builder.lab.phases import Phase
from builder.lab.rack import Rack
from builder.lab.report import Stop
from builder.lab.wire import WireEvent
from builder.recipe.models import Node, Recipe


@dataclass(frozen=True)
class Outcome:
    """What came of a boot: the phase in which it ended, if it did, each phase's seconds, what the network showed."""

    recipe: Recipe
    stopped: Stop | None
    seconds: Mapping[Phase, float]
    events: Sequence[WireEvent]


def any_recipe(_recipe: Recipe) -> bool:
    """The condition of a fault that can befall the nodes of every recipe."""
    return True


@dataclass(frozen=True)
class RunningFault:
    """A fault that befalls a node while it runs; `strike` makes it happen, sets it right and looks.

    `applies` tells whether it can befall a recipe's nodes at all.
    """

    name: str
    done: str
    holds: str
    strike: Callable[[Rack, VirtualNode], Finding]
    applies: Callable[[Recipe], bool] = any_recipe


def nothing(_rack: Rack, _node: Node) -> None:
    """What has to be prepared for a fault that begins while the node boots."""


@dataclass(frozen=True)
class BootFault:
    """A fault that befalls a node while it boots.

    `prepare` is called before the node is powered on, each of `reach` when the node gets to that phase; `judge`
    tells from what came of it whether it was borne.  Limits of time are multiplied by `patience`.
    """

    name: str
    done: str
    holds: str
    judge: Callable[[Outcome], Finding]
    prepare: Callable[[Rack, Node], None] = nothing
    reach: Mapping[Phase, Callable[[Rack, VirtualNode], None]] = field(default_factory=dict)
    patience: float = 1.0
    applies: Callable[[Recipe], bool] = any_recipe


Fault = RunningFault | BootFault


def in_words(fault: Fault) -> tuple[str, str]:
    """Name and meaning of a fault as a check."""
    return fault.name, f"{fault.done}: {fault.holds}"


def boots(outcome: Outcome) -> Finding:
    """The node has to run; how long each phase took."""
    if outcome.stopped:
        return Finding("", (outcome.stopped.reason,))
    phases = ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items())
    return Finding(f"it ran: {phases}")


def stops(outcome: Outcome, phase: Phase) -> Finding:
    """The node must not run, and the lab has to say that it did not get through `phase`."""
    if outcome.stopped is None:
        return Finding("", ("it ran all the same",))
    wrong = outcome.stopped.phase is not phase
    return Finding(outcome.stopped.reason, (f"{outcome.stopped.reason}, not in phase {phase}",) if wrong else ())
