"""Nodes with a NIC on another network, where DHCP answers too: whichever slot it is in, they boot by their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from recipe_texts import IMAGE_OVER_HTTP

from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.faults import select_faults
from builder.lab.released.release import Release
from builder.lab.run import run
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.release.manifest import Lab

pytestmark = [pytest.mark.boot, pytest.mark.full]

SLOTS = ["second-network", "second-network-after"]


def assert_both_slots(release: Release, firmware: Firmware, cache: Cache, nic: Nic = Nic.VIRTIO_NET) -> None:
    """Nodes ssi1 and ssi2, with the other NIC before and after their own, boot and pass every check."""
    wanted = replace(
        make_case(release, ["ssi1", "ssi2"], firmware, nic=nic), faults=select_faults(SLOTS, release.recipe)
    )
    report = run(release, [wanted], cache, lambda _: None)
    (cell,) = report.cells
    assert [f"{check.name}: {check.reason}" for node in cell.nodes for check in node.failed] == []
    assert report.verdict is Lab.PASSED
    assert [slot for slot, node in zip(SLOTS, cell.nodes, strict=True) for c in node.checks if c.name == slot] == SLOTS


@pytest.mark.parametrize(
    ("firmware", "nic"),
    [
        (Firmware.BIOS, Nic.VIRTIO_NET),
        (Firmware.BIOS, Nic.E1000E),
        (Firmware.SECURE_BOOT, Nic.VIRTIO_NET),
    ],
)
def test_root_on_nfs(release_to_boot: Callable[[str], Release], cache: Cache, firmware: Firmware, nic: Nic) -> None:
    """A root on NFS, with menus in both forms and cards of two kinds."""
    assert_both_slots(release_to_boot("debian-nfsroot"), firmware, cache, nic)


def test_image_on_nfs(release_to_boot: Callable[[str], Release], cache: Cache) -> None:
    """An image on NFS."""
    assert_both_slots(release_to_boot("debian-image"), Firmware.BIOS, cache)


def test_image_over_http(variant_to_boot: Callable[..., Release], cache: Cache) -> None:
    """An image that nodes fetch over HTTP, by UEFI and GRUB as Debian signs it."""
    release = variant_to_boot("boot-image-http", IMAGE_OVER_HTTP, "debian-image")
    assert_both_slots(release, Firmware.UEFI, cache)
