"""The choice of test cases for a matrix of releases, hardware, servers and numbers of nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.choices import DhcpServer, TftpServer

SERVERS = (
    (DhcpServer.ISC, TftpServer.TFTPD_HPA),
    (DhcpServer.KEA, TftpServer.TFTPD_HPA),
    (DhcpServer.DNSMASQ, TftpServer.DNSMASQ),
)
"""The pairs of DHCP and TFTP servers that sites use; dnsmasq serves both."""

AT_ONCE = 4

SECONDS_ALONE = 92.0
SECONDS_TO_REBOOT = 67.0
PROCESSORS_OF_A_NODE = 1.5
"""The processors that a node needs.  These times were measured without KVM on two idle processors: a test case with
one node takes 85 to 98 s, one with four nodes at once 274 s, and the reboot of a node 58 to 76 s."""

Servers = Iterable[tuple[DhcpServer, TftpServer]]


@dataclass(frozen=True)
class Offer:
    """The hardware with which a release can be tried (pairs of firmware and network card), and its cluster's nodes."""

    release: str
    hardware: tuple[tuple[Firmware, Nic], ...]
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class MatrixCase:
    """A test case of a matrix: nodes of a release that boot at once, their hardware, and their servers."""

    release: str
    firmware: Firmware
    nic: Nic
    dhcp: DhcpServer
    tftp: TftpServer
    nodes: tuple[str, ...]

    @property
    def values(self) -> tuple[object, ...]:
        """The value of the test case on each axis of the matrix, always in the same order."""
        servers = (("DHCP", self.dhcp), ("TFTP", self.tftp))
        return (("release", self.release), self.firmware, self.nic, *servers, len(self.nodes))

    @property
    def pairs(self) -> tuple[object, ...]:
        """Every pair of values that the test case tries together."""
        return tuple(combinations(self.values, 2))


def choose_quick(offers: Sequence[Offer]) -> tuple[MatrixCase, ...]:
    """Choose a few test cases that together try every value of every axis.

    DHCP and TFTP servers come in the pairs that sites use.
    """
    return _choose_few(offers, SERVERS, lambda case: case.values)


def choose_full(offers: Sequence[Offer]) -> tuple[MatrixCase, ...]:
    """Choose a few test cases that together try every possible pair of values of different axes.

    Most faults that only a combination of values shows are shown by a pair of values already.
    """
    return _choose_few(offers, product(DhcpServer, TftpServer), lambda case: case.pairs)


def forecast_seconds(cases: Sequence[MatrixCase], processors: int, reboots: int) -> float:
    """Estimate the seconds that test cases take one after the other, without KVM, if `reboots` nodes are rebooted.

    A test case takes longer when there are too few processors for its nodes.
    """
    waits = [max(1.0, PROCESSORS_OF_A_NODE * len(case.nodes) / processors) for case in cases]
    return SECONDS_ALONE * sum(waits) + SECONDS_TO_REBOOT * reboots


def _choose_few(
    offers: Sequence[Offer], servers: Servers, trying: Callable[[MatrixCase], Iterable[object]]
) -> tuple[MatrixCase, ...]:
    """Choose test cases that together try every value that a possible one tries; `trying` lists those of a test case.

    The choice is greedy: the next test case is the one that tries most of the values that are left, with the fewest
    nodes.  Among equals it is the one with the rarest values, which would need a test case of their own in the end.
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
    """Yield every test case with a pair of `servers`, with one node, and with AT_ONCE nodes if the cluster has as many.

    If no cluster has AT_ONCE nodes, the number of nodes of the largest cluster stands in its place.
    """
    most = min(AT_ONCE, max((len(offer.nodes) for offer in offers), default=0))
    choices = list(servers)
    for offer in offers:
        counts = [count for count in sorted({1, most}) if count <= len(offer.nodes)]
        for (firmware, nic), (dhcp, tftp), count in product(offer.hardware, choices, counts):
            yield MatrixCase(offer.release, firmware, nic, dhcp, tftp, offer.nodes[:count])
