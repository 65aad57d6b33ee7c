"""The model of a fault: something that goes wrong around a node, and something that must hold all the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from builder.lab.checks.model import Finding
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack
from builder.lab.report.report import Stop
from builder.lab.vocabulary.phase import Phase
from builder.lab.wire.event import WireEvent
from builder.recipe.models import Node, Recipe


@dataclass(frozen=True)
class Outcome:
    """The outcome of a boot: the stop, if the node did not run, each phase's seconds, and the network's events."""

    recipe: Recipe
    stopped: Stop | None
    seconds: Mapping[Phase, float]
    events: Sequence[WireEvent]


def applies_to_any(_recipe: Recipe) -> bool:
    """The condition of a fault that can happen to the nodes of every recipe."""
    return True


@dataclass(frozen=True)
class RunningFault:
    """A fault that happens to a node while it runs.

    `strike` makes the fault happen, mends it, and gives the finding.  `applies` tells whether the fault can happen to a
    recipe's nodes at all.
    """

    name: str
    done: str
    holds: str
    strike: Callable[[Rack, VirtualNode], Finding]
    applies: Callable[[Recipe], bool] = applies_to_any


def prepare_nothing(_rack: Rack, _node: Node) -> None:
    """Prepare nothing, for a fault that begins while the node boots."""


@dataclass(frozen=True)
class BootFault:
    """A fault that happens to a node while it boots.

    `prepare` is called before the node is powered on, each function of `reach` when the node gets to that phase, and
    `judge` at last, to give the finding on the boot's outcome.  Limits of time are multiplied by `patience`.
    """

    name: str
    done: str
    holds: str
    judge: Callable[[Outcome], Finding]
    prepare: Callable[[Rack, Node], None] = prepare_nothing
    reach: Mapping[Phase, Callable[[Rack, VirtualNode], None]] = field(default_factory=dict)
    patience: float = 1.0
    applies: Callable[[Recipe], bool] = applies_to_any


Fault = RunningFault | BootFault


def describe_fault(fault: Fault) -> tuple[str, str]:
    """The name and meaning of a fault as a check."""
    return fault.name, f"{fault.done}: {fault.holds}"


def judge_boot(outcome: Outcome) -> Finding:
    """The finding whether the node ran, with the duration of each phase."""
    if outcome.stopped:
        return Finding("", (outcome.stopped.reason,))
    phases = ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items())
    return Finding(f"it ran: {phases}")


def judge_stop(outcome: Outcome, phase: Phase) -> Finding:
    """The finding whether the lab says, as it must, that the node did not get through `phase`."""
    if outcome.stopped is None:
        return Finding("", ("it ran all the same",))
    wrong = outcome.stopped.phase is not phase
    return Finding(outcome.stopped.reason, (f"{outcome.stopped.reason}, not in phase {phase}",) if wrong else ())
