"""The quick matrix tries every value of every axis, in few cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builder.lab.matrix import AT_ONCE, Offer, possible, quick
from builder.lab.qemu import Firmware
from builder.recipe.models import DhcpServer, TftpServer

NODES = tuple(f"ssi{number}" for number in range(1, 7))
BOTH = [Offer(name, tuple(Firmware), NODES[:4]) for name in ("kerrighed", "debian-nfsroot")]

any_offers = st.lists(
    st.builds(
        Offer,
        release=st.sampled_from(["a", "b", "c"]),
        firmwares=st.sets(st.sampled_from(list(Firmware)), min_size=1).map(lambda found: tuple(sorted(found))),
        nodes=st.integers(1, len(NODES)).map(lambda count: NODES[:count]),
    ),
    min_size=1,
    unique_by=lambda offer: offer.release,
)


def test_both_recipes_take_three_cells() -> None:
    """Three firmwares and three DHCP servers need three cells; both releases, both TFTP servers and four nodes fit."""
    cells = quick(BOTH)
    assert len(cells) == 3
    assert {cell.firmware for cell in cells} == set(Firmware)
    assert {cell.dhcp for cell in cells} == set(DhcpServer)
    assert {cell.tftp for cell in cells} == set(TftpServer)
    assert {cell.release for cell in cells} == {"kerrighed", "debian-nfsroot"}
    assert sorted(len(cell.nodes) for cell in cells) == [1, 1, AT_ONCE]


@given(any_offers)
def test_nothing_is_left_out(offers: list[Offer]) -> None:
    """What any cell could try, some cell tries: no release goes without a verdict."""
    cells = quick(offers)
    assert {value for cell in cells for value in cell.values} == {v for cell in possible(offers) for v in cell.values}
    assert {cell.release for cell in cells} == {offer.release for offer in offers}


@given(any_offers)
def test_no_cell_is_needless(offers: list[Offer]) -> None:
    """A cell that tried nothing but what others try would cost minutes for nothing; there are never many."""
    cells = quick(offers)
    assert len(set(cells)) == len(cells)
    assert len(cells) <= len(offers) + 3


@given(any_offers)
def test_cells_can_be_tried(offers: list[Offer]) -> None:
    """A cell asks a release only for firmware and nodes that it has, and releases come one after the other."""
    by_name = {offer.release: offer for offer in offers}
    cells = quick(offers)
    for cell in cells:
        assert cell.firmware in by_name[cell.release].firmwares
        assert set(cell.nodes) <= set(by_name[cell.release].nodes)
    order = [offer.release for offer in offers]
    assert [cell.release for cell in cells] == sorted((cell.release for cell in cells), key=order.index)


def test_small_clusters() -> None:
    """Where no cluster has four nodes, as many are tried at once as there are; without releases there is no cell."""
    assert max(len(cell.nodes) for cell in quick([Offer("a", (Firmware.BIOS,), NODES[:2])])) == 2
    assert quick([]) == ()
