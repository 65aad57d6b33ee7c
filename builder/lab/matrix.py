"""Which combinations of hardware, servers, number of nodes and release to try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from builder.lab.qemu import Firmware, Nic
from builder.recipe.models import DhcpServer, TftpServer

SERVERS = (
    (DhcpServer.ISC, TftpServer.TFTPD_HPA),
    (DhcpServer.KEA, TftpServer.TFTPD_HPA),
    (DhcpServer.DNSMASQ, TftpServer.DNSMASQ),
)
"""DHCP and TFTP servers as sites combine them: who has dnsmasq for one has it for both."""

AT_ONCE = 4

SECONDS_ALONE = 92.0
SECONDS_TO_REBOOT = 67.0
PROCESSORS_OF_A_NODE = 1.5
"""Without KVM, as measured on two idle processors: a cell of one node takes 85 to 98 s, of four at once 274 s, and to
start a node anew 58 to 76 s."""

Servers = Iterable[tuple[DhcpServer, TftpServer]]


@dataclass(frozen=True)
class Offer:
    """What release `release` can be tried with: firmware with network card, and the nodes of its cluster."""

    release: str
    hardware: tuple[tuple[Firmware, Nic], ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """One combination: these nodes of a release at once, of this hardware, served by these programs."""

    release: str
    firmware: Firmware
    nic: Nic
    dhcp: DhcpServer
    tftp: TftpServer
    nodes: tuple[str, ...]

    @property
    def values(self) -> tuple[object, ...]:
        """What is tried when the cell is: its value on each axis, always in the same order."""
        servers = (("DHCP", self.dhcp), ("TFTP", self.tftp))
        return (("release", self.release), self.firmware, self.nic, *servers, len(self.nodes))

    @property
    def pairs(self) -> tuple[object, ...]:
        """Every two values that are tried together when the cell is."""
        return tuple(combinations(self.values, 2))


def quick(offers: Sequence[Offer]) -> tuple[Cell, ...]:
    """Few cells that together try every value of every axis that the releases offer.

    Servers are combined as sites have them.
    """
    return _few(offers, SERVERS, lambda cell: cell.values)


def full(offers: Sequence[Offer]) -> tuple[Cell, ...]:
    """Few cells that together try every two values of different axes that go together.

    Most faults that only a combination shows are shown by a pair of values already.
    """
    return _few(offers, product(DhcpServer, TftpServer), lambda cell: cell.pairs)


def forecast(cells: Sequence[Cell], processors: int, reboots: int) -> float:
    """About how many seconds the cells take without KVM, with so many nodes that start anew, one after the other.

    Nodes that processors do not suffice for wait for them.
    """
    waits = [max(1.0, PROCESSORS_OF_A_NODE * len(cell.nodes) / processors) for cell in cells]
    return SECONDS_ALONE * sum(waits) + SECONDS_TO_REBOOT * reboots


def _few(offers: Sequence[Offer], servers: Servers, trying: Callable[[Cell], Iterable[object]]) -> tuple[Cell, ...]:
    """Cells that together try whatever any cell could try, as `trying` tells.

    Greedy: each cell tries as much as any could that no cell before it tried, with as few nodes as that takes; of such
    cells, what the fewest could try, so that it does not cost a cell of its own in the end.
    """
    tried_by = {cell: frozenset(trying(cell)) for cell in possible(offers, servers)}
    chances = Counter(each for tried in tried_by.values() for each in tried)
    left = set(chances)
    chosen: list[Cell] = []

    def worth(cell: Cell) -> tuple[int, int, int]:
        new = tried_by[cell] & left
        return len(new), -len(cell.nodes), -sum(chances[each] for each in new)

    while left:
        best = max(tried_by, key=worth)
        chosen.append(best)
        left -= tried_by[best]
    return tuple(sorted(chosen, key=lambda cell: [offer.release for offer in offers].index(cell.release)))


def possible(offers: Sequence[Offer], servers: Servers) -> Iterator[Cell]:
    """Every cell with one of `servers`: one node, or as many as a rack tries at once, where the cluster has them."""
    most = min(AT_ONCE, max((len(offer.nodes) for offer in offers), default=0))
    choices = list(servers)
    for offer in offers:
        counts = [count for count in sorted({1, most}) if count <= len(offer.nodes)]
        for (firmware, nic), (dhcp, tftp), count in product(offer.hardware, choices, counts):
            yield Cell(offer.release, firmware, nic, dhcp, tftp, offer.nodes[:count])
