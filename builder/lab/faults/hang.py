"""A node that hangs, and one whose kernel panics."""

from __future__ import annotations

import time
from functools import partial

from builder.lab.checks.model import Finding
from builder.lab.faults.model import BootFault, RunningFault, stops
from builder.lab.node import VirtualNode
from builder.lab.phases import Phase, Progress, is_power_on
from builder.lab.rack import Rack
from builder.lab.wire import WireEvent

PANIC = "(sleep 1; echo c >/proc/sysrq-trigger) >/dev/null 2>&1 </dev/null &"
"""Not at once, so that the node can answer the lab first (Linux, sysrq.rst)."""

SECONDS_TO_START_ANEW = 150.0
"""For firmware to ask DHCP again, besides those for which the kernel shows why it panicked."""

POLL_SECONDS = 0.2


def _freeze(_rack: Rack, virtual: VirtualNode) -> None:
    virtual.machine.qmp.execute("stop")


def _panic(rack: Rack, virtual: VirtualNode) -> Finding:
    seconds = rack.release.recipe.boot.panic_seconds
    began = time.monotonic()
    virtual.ask(PANIC)
    while not (asked := _power_on(rack, virtual, began)):
        if time.monotonic() > began + seconds + SECONDS_TO_START_ANEW:
            return Finding("", ("it had not started anew by then",))
        time.sleep(POLL_SECONDS)
    virtual.progress = Progress(asked.time, virtual.progress.patience)
    virtual.until_it_runs()
    state = virtual.ask("systemctl is-system-running").text
    return Finding(f"it asked DHCP after {asked.time - began:.0f} s; {state}", () if state == "running" else (state,))


def _power_on(rack: Rack, virtual: VirtualNode, since: float) -> WireEvent | None:
    return next(filter(is_power_on, rack.heard(virtual.node.mac, since)), None)


FAULTS = (
    RunningFault(
        name="kernel-panic",
        done="the node's kernel panics",
        holds="the node starts anew by itself and runs",
        strike=_panic,
        applies=lambda recipe: recipe.boot.panic_seconds > 0,
    ),
    BootFault(
        name="hang",
        done=f"the node's processor stands still from phase {Phase.KERNEL} on",
        holds="the lab does not wait for ever, and names the phase",
        judge=partial(stops, phase=Phase.KERNEL),
        reach={Phase.KERNEL: _freeze},
        patience=0.25,
    ),
)
