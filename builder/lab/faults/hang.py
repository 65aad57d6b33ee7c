"""The fault of a node whose processor stops."""

from __future__ import annotations

from functools import partial

from builder.lab.faults.model import BootFault, judge_stop
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack
from builder.lab.vocabulary.phase import Phase


def _stop_processor(_rack: Rack, virtual: VirtualNode) -> None:
    virtual.machine.qmp.execute("stop")


FAULTS = (
    BootFault(
        name="hang",
        done=f"the node's processor stands still from phase {Phase.KERNEL} on",
        holds="the lab does not wait for ever, and names the phase",
        judge=partial(judge_stop, phase=Phase.KERNEL),
        reach={Phase.KERNEL: _stop_processor},
        patience=0.5,
    ),
)
