"""Nodes whose services manage networks stay on theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from first_boot import booted

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware

pytestmark = [pytest.mark.boot, pytest.mark.full]


def test_network_manager(variant_to_boot: Callable[..., Release], cache: Cache) -> None:
    """NetworkManager takes an address of another network at the second NIC and leaves the boot NIC as it is."""
    release = variant_to_boot("boot-managed", '[debian]\npackages = ["network-manager"]\n')
    boot = booted(release, cache, Firmware.BIOS, faults=["second-network"])
    assert boot.wrong == []
