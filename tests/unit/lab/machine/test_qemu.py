from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from builder.lab.machine.qemu import FLASH, NodeHardware
from builder.lab.vocabulary.hardware import Accelerator, Firmware, Nic, Slot

NODE = NodeHardware("ssi1", "52:54:00:00:01:01", "tap1", Path("/lab/ssi1"), (Path("/lab/ssi1/oem-string"),))


def option(argv: list[str], name: str) -> list[str]:
    """Every value that the option was given."""
    return [value for key, value in pairwise(argv) if key == name]


def test_a_node_has_no_device_to_boot_from_but_its_network_card() -> None:
    """The card has the recipe's address, and there is neither a disk nor a kernel on the command line."""
    argv = NODE.arguments()
    assert "virtio-net-pci,netdev=net,mac=52:54:00:00:01:01,bootindex=1" in option(argv, "-device")
    assert option(argv, "-netdev") == ["tap,id=net,ifname=tap1,script=no,downscript=no"]
    assert not {"-kernel", "-drive", "-hda", "-append"} & set(argv)
    assert "-nodefaults" in argv


@pytest.mark.parametrize("nic", Nic)
def test_card_of_another_network(nic: Nic) -> None:
    """A second card of the same kind, which QEMU gives a network, is in a slot before or after the boot NIC's."""
    alone = option(replace(NODE, nic=nic).arguments(), "-device")
    for slot, order in ((Slot.BEFORE, ["other", "net"]), (Slot.AFTER, ["net", "other"])):
        argv = replace(NODE, nic=nic, other=slot).arguments()
        cards = [device for device in option(argv, "-device") if "netdev=" in device]
        assert [card.split("netdev=")[1].split(",")[0] for card in cards] == order
        assert set(option(argv, "-device")) - set(cards) < set(alone)
        assert "user,id=other,restrict=on" in option(argv, "-netdev")
        assert len({card.split(",")[0] for card in cards}) == 1


def test_a_node_is_handed_the_oem_strings() -> None:
    """Each file becomes one SMBIOS string of type 11."""
    assert option(NODE.arguments(), "-smbios") == ["type=11,path=/lab/ssi1/oem-string"]


def test_the_accelerator_is_named() -> None:
    """QEMU is never left to choose."""
    assert option(NODE.arguments(), "-accel") == ["tcg"]
    assert option(replace(NODE, accelerator=Accelerator.KVM).arguments(), "-accel") == ["kvm"]


def test_uefi_firmware_has_variables_of_its_own() -> None:
    """OVMF's code is shared and read-only, its variables are the node's file."""
    code, variables = option(replace(NODE, firmware=Firmware.UEFI).arguments(), "-drive")
    assert "readonly=on" in code
    assert variables.endswith("file=/lab/ssi1/OVMF_VARS_4M.fd")
    assert "readonly" not in variables


@pytest.mark.parametrize("firmware", Firmware)
def test_http_boot_is_the_only_boot_that_is_left(firmware: Firmware) -> None:
    """OVMF is told to have no PXE when it is to boot over HTTP, and else is left as it is."""
    told = option(replace(NODE, firmware=firmware).arguments(), "-fw_cfg")
    over_http = {Firmware.UEFI_HTTP: Firmware.UEFI, Firmware.SECURE_BOOT_HTTP: Firmware.SECURE_BOOT}
    wanted = [f"name=opt/org.tianocore/IPv{version}PXESupport,string=n" for version in (4, 6)]
    assert told == (wanted if firmware in over_http else [])
    assert firmware.by_pxe is over_http.get(firmware, firmware)


def test_secure_boot_protects_its_variables() -> None:
    """Microsoft's keys are enrolled, and only code in System Management Mode can change the variables."""
    argv = replace(NODE, firmware=Firmware.SECURE_BOOT).arguments()
    assert option(argv, "-machine") == ["q35,smm=on"]
    assert option(argv, "-global") == ["driver=cfi.pflash01,property=secure,value=on"]
    code, variables = option(argv, "-drive")
    assert code.endswith("file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd")
    assert variables.endswith("file=/lab/ssi1/OVMF_VARS_4M.ms.fd")


@pytest.mark.parametrize("firmware", Firmware)
@pytest.mark.parametrize(
    ("nic", "device"), [(Nic.VIRTIO_NET, "virtio-net-pci"), (Nic.E1000E, "e1000e"), (Nic.PCNET, "pcnet")]
)
def test_card_has_a_rom_where_the_firmware_needs_it(firmware: Firmware, nic: Nic, device: str) -> None:
    """A BIOS has PXE from the card's ROM; UEFI has a driver of its own for virtio, and for no other card."""
    (card,) = (
        each for each in option(replace(NODE, firmware=firmware, nic=nic).arguments(), "-device") if "mac" in each
    )
    own = firmware in FLASH and nic is Nic.VIRTIO_NET
    assert card == f"{device},netdev=net,mac={NODE.mac},bootindex=1" + (",romfile=" if own else "")


def test_cable_of_the_lab() -> None:
    """A node at a cable that the lab carries hands its frames to the lab's socket, and takes no tap device."""
    argv = replace(NODE, cable=Path("/lab/cable1.sock")).arguments()
    assert option(argv, "-netdev") == ["stream,id=net,addr.type=unix,addr.path=/lab/cable1.sock"]
