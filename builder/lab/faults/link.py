"""Faults of a node's network: packets are lost or late, or the node has a second network card."""

from __future__ import annotations

from builder.lab.faults.model import BootFault, judge_boot
from builder.lab.machine.node import VirtualNode
from builder.lab.rack.cable import PERFECT, Quality
from builder.lab.rack.rack import Rack
from builder.lab.vocabulary.hardware import Slot
from builder.lab.vocabulary.phase import Phase
from builder.recipe.models import Node

BLOCK_SECONDS = 0.002
"""The delay of each block from a slow TFTP server; GRUB, with blocks of 1024 bytes, gets 500 kB/s at most."""


def _make_perfect(rack: Rack, virtual: VirtualNode) -> None:
    rack.cable(virtual.node).quality = PERFECT


def _make_lossy(percent: int) -> BootFault:
    def spoil(rack: Rack, node: Node) -> None:
        rack.cable(node).quality = Quality(loss=percent / 100)

    return BootFault(
        name=f"loss-{percent}",
        done=f"{percent}% of the packets on the node's link are lost until PXE has loaded the boot loader",
        holds="the node boots",
        judge=judge_boot,
        prepare=spoil,
        reach={Phase.GRUB: _make_perfect},
    )


def _make_slow(rack: Rack, node: Node) -> None:
    rack.cable(node).quality = Quality(delay=BLOCK_SECONDS)


def _add_second_network(name: str, slot: Slot) -> BootFault:
    def connect(rack: Rack, node: Node) -> None:
        rack.connect_other_network(node, slot)

    return BootFault(
        name=name,
        done=f"the node has a second network card, {slot} its boot NIC, and a DHCP server answers there, too",
        holds="the node boots by its own network",
        judge=judge_boot,
        prepare=connect,
    )


FAULTS = (
    _make_lossy(5),
    _make_lossy(20),
    _add_second_network("second-network", Slot.BEFORE),
    _add_second_network("second-network-after", Slot.AFTER),
    BootFault(
        name="slow-tftp",
        done=f"the TFTP server is {BLOCK_SECONDS * 1000:.0f} ms late with each block",
        holds="the node boots",
        judge=judge_boot,
        prepare=_make_slow,
        reach={Phase.KERNEL: _make_perfect},
    ),
)
