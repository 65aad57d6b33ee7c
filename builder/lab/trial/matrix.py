"""The choice of test cases: combinations of release, hardware, servers and number of nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.models import DhcpServer, TftpServer

SERVERS = (
    (DhcpServer.ISC, TftpServer.TFTPD_HPA),
    (DhcpServer.KEA, TftpServer.TFTPD_HPA),
    (DhcpServer.DNSMASQ, TftpServer.DNSMASQ),
)
"""DHCP and TFTP servers as sites combine them: a site with dnsmasq has it for both."""

AT_ONCE = 4

SECONDS_ALONE = 92.0
SECONDS_TO_REBOOT = 67.0
PROCESSORS_OF_A_NODE = 1.5
"""Times without KVM, measured on two idle processors: a test case with one node takes 85 to 98 s, with four at once
274 s, and the reboot of a node 58 to 76 s."""

Servers = Iterable[tuple[DhcpServer, TftpServer]]


@dataclass(frozen=True)
class Offer:
    """The hardware with which a release can be tried (firmware with network card), and the nodes of its cluster."""

    release: str
    hardware: tuple[tuple[Firmware, Nic], ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class MatrixCase:
    """A test case: nodes of a release that boot at once, their hardware, and the programs that serve them."""

    release: str
    firmware: Firmware
    nic: Nic
    dhcp: DhcpServer
    tftp: TftpServer
    nodes: tuple[str, ...]

    @property
    def values(self) -> tuple[object, ...]:
        """The test case's value on each axis of the matrix, always in the same order."""
        servers = (("DHCP", self.dhcp), ("TFTP", self.tftp))
        return (("release", self.release), self.firmware, self.nic, *servers, len(self.nodes))

    @property
    def pairs(self) -> tuple[object, ...]:
        """Every pair of values that the test case tries together."""
        return tuple(combinations(self.values, 2))


def choose_quick(offers: Sequence[Offer]) -> tuple[MatrixCase, ...]:
    """A few test cases that together try every value of every axis that the releases offer.

    Servers are combined as sites have them.
    """
    return _choose_few(offers, SERVERS, lambda case: case.values)


def choose_full(offers: Sequence[Offer]) -> tuple[MatrixCase, ...]:
    """A few test cases that together try every possible pair of values of different axes.

    Most faults that only a combination of values shows are shown by a pair already.
    """
    return _choose_few(offers, product(DhcpServer, TftpServer), lambda case: case.pairs)


def forecast_seconds(cases: Sequence[MatrixCase], processors: int, reboots: int) -> float:
    """The approximate time in seconds of test cases, one after the other, without KVM; `reboots` nodes are rebooted.

    A test case takes longer when the processors do not suffice for its nodes.
    """
    waits = [max(1.0, PROCESSORS_OF_A_NODE * len(case.nodes) / processors) for case in cases]
    return SECONDS_ALONE * sum(waits) + SECONDS_TO_REBOOT * reboots


def _choose_few(
    offers: Sequence[Offer], servers: Servers, trying: Callable[[MatrixCase], Iterable[object]]
) -> tuple[MatrixCase, ...]:
    """Test cases that together try everything that any possible one tries; `trying` lists what a test case tries.

    The choice is greedy: the next test case is the one that tries most of what is left, with as few nodes as that
    takes.  Among equals it is the one that tries the rarest, which would cost a test case of its own in the end.
    """
    tried_by = {case: frozenset(trying(case)) for case in list_possible(offers, servers)}
    chances = Counter(each for tried in tried_by.values() for each in tried)
    left = set(chances)
    chosen: list[MatrixCase] = []

    def worth(case: MatrixCase) -> tuple[int, int, int]:
        new = tried_by[case] & left
        return len(new), -len(case.nodes), -sum(chances[each] for each in new)

    while left:
        best = max(tried_by, key=worth)
        chosen.append(best)
        left -= tried_by[best]
    return tuple(sorted(chosen, key=lambda case: [offer.release for offer in offers].index(case.release)))


def list_possible(offers: Sequence[Offer], servers: Servers) -> Iterator[MatrixCase]:
    """Every test case with one of `servers`, with one node and, where the cluster has them, with all that a rack takes.

    A rack takes AT_ONCE nodes, or as many as the largest cluster has.
    """
    most = min(AT_ONCE, max((len(offer.nodes) for offer in offers), default=0))
    choices = list(servers)
    for offer in offers:
        counts = [count for count in sorted({1, most}) if count <= len(offer.nodes)]
        for (firmware, nic), (dhcp, tftp), count in product(offer.hardware, choices, counts):
            yield MatrixCase(offer.release, firmware, nic, dhcp, tftp, offer.nodes[:count])
