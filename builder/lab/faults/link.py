"""Faults of what lies between a node and its servers: packets are lost, or come late."""

from __future__ import annotations

from builder.lab.cable import PERFECT, Quality
from builder.lab.faults.model import BootFault, boots
from builder.lab.node import VirtualNode
from builder.lab.phases import Phase
from builder.lab.rack import Rack
from builder.recipe.models import Node

BLOCK_SECONDS = 0.002
"""How late a slow TFTP server is with each block: GRUB, whose blocks have 1024 bytes, gets 500 kB/s at most."""


def _mend(rack: Rack, virtual: VirtualNode) -> None:
    rack.cable(virtual.node).quality = PERFECT


def _lossy(percent: int) -> BootFault:
    def spoil(rack: Rack, node: Node) -> None:
        rack.cable(node).quality = Quality(loss=percent / 100)

    return BootFault(
        name=f"loss-{percent}",
        done=f"{percent}% of the packets on the node's link are lost until PXE has loaded the boot loader",
        holds="the node boots",
        judge=boots,
        prepare=spoil,
        reach={Phase.GRUB: _mend},
    )


def _slow(rack: Rack, node: Node) -> None:
    rack.cable(node).quality = Quality(delay=BLOCK_SECONDS)


FAULTS = (
    _lossy(5),
    _lossy(20),
    BootFault(
        name="slow-tftp",
        done=f"the TFTP server is {BLOCK_SECONDS * 1000:.0f} ms late with each block",
        holds="the node boots",
        judge=boots,
        prepare=_slow,
        reach={Phase.KERNEL: _mend},
    ),
)
