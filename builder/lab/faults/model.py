"""The model of a fault, and of the requirement that has to hold in spite of it."""

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
    """The outcome of a boot: its stop if it failed, the seconds of each phase, and the events on the network."""

    recipe: Recipe
    stopped: Stop | None
    seconds: Mapping[Phase, float]
    events: Sequence[WireEvent]


def applies_to_any(_recipe: Recipe) -> bool:
    """Return true: the fault can happen to the nodes of every recipe."""
    return True


@dataclass(frozen=True)
class RunningFault:
    """A fault that happens to a node while it runs.

    `done` describes the fault, and `holds` the requirement.  `strike` makes the fault happen, ends it, and gives the
    finding.  `applies` tells whether the fault can happen to the nodes of a recipe.
    """

    name: str
    done: str
    holds: str
    strike: Callable[[Rack, VirtualNode], Finding]
    applies: Callable[[Recipe], bool] = applies_to_any


def prepare_nothing(_rack: Rack, _node: Node) -> None:
    """Prepare nothing: the fault begins while the node boots."""


@dataclass(frozen=True)
class BootFault:
    """A fault that happens to a node while it boots.

    `done` describes the fault, and `holds` the requirement.  `prepare` is called before the node is powered on, each
    function of `reach` when the node reaches that phase, and `judge` after the boot, to give the finding on its
    outcome.  `patience` multiplies time limits.
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
    """Give a fault's name and its description, which are those of a check."""
    return fault.name, f"{fault.done}: {fault.holds}"


def judge_boot(outcome: Outcome) -> Finding:
    """Check that the node booted; the finding has the duration of each phase."""
    if outcome.stopped:
        return Finding("", (outcome.stopped.reason,))
    phases = ", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items())
    return Finding(f"the node booted: {phases}")


def judge_stop(outcome: Outcome, phase: Phase) -> Finding:
    """Check that the boot failed in `phase`."""
    if outcome.stopped is None:
        return Finding("", ("the node booted in spite of the fault",))
    wrong = outcome.stopped.phase is not phase
    return Finding(outcome.stopped.reason, (f"{outcome.stopped.reason}, not in phase {phase}",) if wrong else ())
