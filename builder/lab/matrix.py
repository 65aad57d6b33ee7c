"""Which combinations of firmware, servers, number of nodes and release to try."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.lab.qemu import Firmware
from builder.recipe.models import DhcpServer, TftpServer

SERVERS = (
    (DhcpServer.ISC, TftpServer.TFTPD_HPA),
    (DhcpServer.KEA, TftpServer.TFTPD_HPA),
    (DhcpServer.DNSMASQ, TftpServer.DNSMASQ),
)
"""DHCP and TFTP servers as sites combine them: who has dnsmasq for one has it for both."""

AT_ONCE = 4


@dataclass(frozen=True)
class Offer:
    """What release `release` can be tried with; `nodes` are those of its cluster."""

    release: str
    firmwares: tuple[Firmware, ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One combination: these nodes of a release at once, with this firmware, served by these programs."""

    release: str
    firmware: Firmware
    dhcp: DhcpServer
    tftp: TftpServer
    nodes: tuple[str, ...]

    @property
    def values(self) -> frozenset[object]:
        """What is tried when the cell is: a value of each axis."""
        return frozenset({("release", self.release), self.firmware, self.dhcp, ("TFTP", self.tftp), len(self.nodes)})


def quick(offers: Sequence[Offer]) -> tuple[Cell, ...]:
    """Few cells that together try every value of every axis that the releases offer.

    Greedy: each cell tries as many values as any could that no cell before it tried, with as few nodes as that
    takes.
    """
    cells = list(possible(offers))
    left = {value for cell in cells for value in cell.values}
    chosen: list[Cell] = []
    while left:
        best = max(cells, key=lambda cell: (len(cell.values & left), -len(cell.nodes)))
        chosen.append(best)
        left -= best.values
    return tuple(sorted(chosen, key=lambda cell: [offer.release for offer in offers].index(cell.release)))


def possible(offers: Sequence[Offer]) -> Iterator[Cell]:
    """Every cell of the matrix: one node, or as many as a rack tries at once, where the cluster has them."""
    most = min(AT_ONCE, max((len(offer.nodes) for offer in offers), default=0))
    for offer in offers:
        for firmware in offer.firmwares:
            for dhcp, tftp in SERVERS:
                for count in sorted({1, most}):
                    if count <= len(offer.nodes):
                        yield Cell(offer.release, firmware, dhcp, tftp, offer.nodes[:count])
