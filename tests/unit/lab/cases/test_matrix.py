"""The quick matrix tries every value of every axis, the full one every pair of values, in few cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.lab.cases.case import can_boot
from builder.lab.cases.matrix import (
    AT_ONCE,
    SECONDS_ALONE,
    SECONDS_TO_REBOOT,
    SERVERS,
    MatrixCase,
    Offer,
    choose_full,
    choose_quick,
    forecast_seconds,
    list_possible,
)
from builder.lab.vocabulary.hardware import MATRIX_NICS, Firmware
from builder.recipe.choices import DhcpServer, TftpServer

Matrix = Callable[[Sequence[Offer]], tuple[MatrixCase, ...]]

NODES = tuple(f"ssi{number}" for number in range(1, 7))
HARDWARE = tuple(pair for pair in product(Firmware, MATRIX_NICS) if can_boot(*pair))
BY_PXE = tuple((firmware, nic) for firmware, nic in HARDWARE if not firmware.over_http)
BOTH = [Offer(name, BY_PXE, NODES[:4]) for name in ("kerrighed", "debian-nfsroot")]

any_offers = st.lists(
    st.builds(
        Offer,
        release=st.sampled_from(["a", "b", "c"]),
        hardware=st.sets(st.sampled_from(HARDWARE), min_size=1).map(lambda found: tuple(sorted(found))),
        nodes=st.integers(1, len(NODES)).map(lambda count: NODES[:count]),
    ),
    min_size=1,
    unique_by=lambda offer: offer.release,
)
both_matrices = pytest.mark.parametrize("matrix", [choose_quick, choose_full])


def test_both_recipes_take_three_cells() -> None:
    """Three values of the longest axes need three cells; releases, TFTP servers and four nodes fit into them."""
    cells = choose_quick(BOTH)
    assert len(cells) == 3
    assert {cell.firmware for cell in cells} == {firmware for firmware, _ in BY_PXE}
    assert {cell.nic for cell in cells} == set(MATRIX_NICS)
    assert {cell.dhcp for cell in cells} == set(DhcpServer)
    assert {cell.tftp for cell in cells} == set(TftpServer)
    assert {cell.release for cell in cells} == {"kerrighed", "debian-nfsroot"}
    assert sorted(len(cell.nodes) for cell in cells) == [1, 1, AT_ONCE]


def test_quick_has_servers_as_sites_have_them() -> None:
    """The quick matrix combines no servers that hardly anybody combines; the full one combines all."""
    assert {(cell.dhcp, cell.tftp) for cell in choose_quick(BOTH)} == set(SERVERS)
    assert {(cell.dhcp, cell.tftp) for cell in choose_full(BOTH)} == set(product(DhcpServer, TftpServer))


def test_full_matrix_is_small() -> None:
    """Nine pairs of firmware and DHCP server need nine cells at least; all pairs take a few more of many."""
    assert len(set(list_possible(BOTH, product(DhcpServer, TftpServer)))) == 168
    assert len(choose_full(BOTH)) == 11


@settings(deadline=None)
@given(any_offers)
def test_quick_leaves_no_value_out(offers: list[Offer]) -> None:
    """What any cell could try, some cell tries: no release goes without a verdict."""
    cells = choose_quick(offers)
    could = {value for cell in list_possible(offers, SERVERS) for value in cell.values}
    assert {value for cell in cells for value in cell.values} == could
    assert {cell.release for cell in cells} == {offer.release for offer in offers}


@settings(deadline=None)
@given(any_offers)
def test_full_leaves_no_pair_out(offers: list[Offer]) -> None:
    """Every two values that go together in any cell are together in one that is tried."""
    could = {pair for cell in list_possible(offers, product(DhcpServer, TftpServer)) for pair in cell.pairs}
    assert {pair for cell in choose_full(offers) for pair in cell.pairs} == could


@settings(deadline=None)
@given(any_offers)
def test_no_cell_is_needless(offers: list[Offer]) -> None:
    """A cell that tried nothing but what others try would cost minutes for nothing; there are never many."""
    cells = choose_quick(offers)
    assert len(set(cells)) == len(cells)
    assert len(cells) <= len(offers) + len(Firmware)


@both_matrices
@settings(deadline=None)
@given(offers=any_offers)
def test_cells_can_be_tried(matrix: Matrix, offers: list[Offer]) -> None:
    """A cell asks a release only for what it has, releases come one after the other, and each time the same."""
    by_name = {offer.release: offer for offer in offers}
    cells = matrix(offers)
    for cell in cells:
        assert (cell.firmware, cell.nic) in by_name[cell.release].hardware
        assert set(cell.nodes) <= set(by_name[cell.release].nodes)
    order = [offer.release for offer in offers]
    assert [cell.release for cell in cells] == sorted((cell.release for cell in cells), key=order.index)
    assert matrix(offers) == cells


def test_forecast() -> None:
    """One node takes its time however many processors there are; of several, those wait that find none free.

    Each that starts anew takes longer.
    """
    cells = sorted(choose_quick(BOTH), key=lambda cell: len(cell.nodes))
    one, four = cells[:1], cells[-1:]
    assert forecast_seconds((), 2, 0) == 0
    assert forecast_seconds(one, 1, 0) > forecast_seconds(one, 2, 0) == forecast_seconds(one, 64, 0) == SECONDS_ALONE
    assert (
        forecast_seconds(one, 2, 0)
        < forecast_seconds(four, 4, 0)
        < forecast_seconds(four, 2, 0)
        < 4 * forecast_seconds(one, 2, 0)
    )
    assert forecast_seconds(one, 2, 2) == forecast_seconds(one, 2, 0) + 2 * SECONDS_TO_REBOOT


@both_matrices
def test_small_clusters(matrix: Matrix) -> None:
    """Where no cluster has four nodes, as many are tried at once as there are; without releases there is no cell."""
    assert max(len(cell.nodes) for cell in matrix([Offer("a", HARDWARE[:1], NODES[:2])])) == 2
    assert matrix([]) == ()
