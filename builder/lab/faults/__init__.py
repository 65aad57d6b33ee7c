"""The faults that the lab can make, to see that nodes cope with them."""

from __future__ import annotations

from collections.abc import Sequence

from builder.errors import InputError
from builder.lab.faults import dhcp, files, hang, link, nfs, twin
from builder.lab.faults.model import Fault
from builder.recipe.models import Recipe

FAULTS: tuple[Fault, ...] = (*nfs.FAULTS, *dhcp.FAULTS, *twin.FAULTS, *link.FAULTS, *files.FAULTS, *hang.FAULTS)
ALL = "all"


def select_faults(names: Sequence[str], recipe: Recipe) -> tuple[Fault, ...]:
    """Select faults by name, in the order of `FAULTS`; `ALL` selects each that can happen to the recipe's nodes.

    :raises InputError: a fault that was asked for cannot happen to the recipe's nodes.
    """
    possible = [fault for fault in FAULTS if fault.applies(recipe)]
    if impossible := set(names) - {ALL} - {fault.name for fault in possible}:
        raise InputError(f"the fault {min(impossible)} cannot happen to the nodes of this recipe")
    return tuple(fault for fault in possible if ALL in names or fault.name in names)
