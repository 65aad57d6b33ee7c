"""Nodes that boot at once, on processors that they share with servers and lab: each in turn, as if it were a machine.

Left to itself, Linux gives a node that computes, or waits in a loop, a few milliseconds at a time.  Whoever has to
carry a packet waits for that long, at each packet.  And where it need not wait, each packet ends a node's turn, and
nodes compute for longer (docs/explanation/capacity.md).  Neither is so at a site.
So servers, lab, and of each QEMU the thread that moves packets run as soon as they can (sched(7), SCHED_RR), and after
that a node goes on until its turn of 100 ms is over (sched_rr_timeslice_ms).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from builder.cache import Cache
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.rack import Rack, run_rack
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.phase import Phase
from builder.lab.vocabulary.server_kind import ServerKind
from builder.parallel import crew
from builder.recipe.choices import NfsServer

CARRIES, COMPUTES = 2, 1
"""Priorities: the higher goes first."""


def serving(release: Release, room: Path, cache: Cache) -> AbstractContextManager[Rack]:
    """The release's rack, with nfs-ganesha, whose processor time can be told."""
    server = release.recipe.cluster.server.model_copy(update={"nfs": NfsServer.GANESHA})
    return run_rack(release, server, ServerKind.NAMESPACE, room, cache)


def at_once(release: Release, count: int, room: Path, cache: Cache) -> list[dict[Phase, float]]:
    """Seconds of each phase of so many nodes that are switched on together, of each node.

    :raises PermissionError: this machine lets nobody run before others.
    """
    room.mkdir()
    patience = max(1.0, count / len(os.sched_getaffinity(0)))
    with _first(), serving(release, room, cache) as running, ExitStack() as powered:
        nodes = [
            powered.enter_context(running.power_on(node, Firmware.BIOS, patience))
            for node in release.recipe.cluster.nodes[:count]
        ]
        for node in nodes:
            _take_turns(running, node)
        with crew(count) as each:
            try:
                for done in [each.begin(node.wait_until_running) for node in nodes]:
                    done()
            except BaseException:
                running.cut_power()
                raise
        return [node.progress.seconds() for node in nodes]


@contextmanager
def _first() -> Iterator[None]:
    """This thread, and all that it starts, carries packets."""
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(CARRIES))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _take_turns(running: Rack, node: VirtualNode) -> None:
    """The threads that run a node's instructions compute; QEMU tells their numbers as the rack's machine has them."""
    for processor in node.machine.qmp.execute("query-cpus-fast"):
        answer = running.run_on_server(["chrt", "--rr", "--pid", str(COMPUTES), str(processor["thread-id"])])
        if answer.status:
            raise RuntimeError(answer.text)
