"""The hardware of nodes: firmware, network cards and slots for them, and the accelerator that runs a node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Firmware(StrEnum):
    """The firmware of a node, and its way to boot over the network."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"
    UEFI_HTTP = "uefi-http"
    SECURE_BOOT_HTTP = "secure-boot-http"

    @property
    def by_pxe(self) -> Firmware:
        """The firmware that boots by PXE where this one boots over HTTP; else this one."""
        return Firmware(self.removesuffix("-http"))

    @property
    def over_http(self) -> bool:
        """Whether the firmware does UEFI HTTP boot, and not PXE."""
        return self is not self.by_pxe


class Nic(StrEnum):
    """The network card of a node, by its usual name."""

    VIRTIO_NET = "virtio-net"
    E1000E = "e1000e"
    RTL8139 = "rtl8139"
    E1000 = "e1000"
    I82559C = "i82559c"
    NE2K_PCI = "ne2k_pci"
    PCNET = "pcnet"
    VMXNET3 = "vmxnet3"


MATRIX_NICS = (Nic.VIRTIO_NET, Nic.E1000E, Nic.RTL8139)
"""The network cards that a matrix tries; a person asks for any other by name."""


@dataclass(frozen=True)
class Card:
    """QEMU's device for a network card, and the module of Linux that drives it."""

    device: str
    driver: str


CARDS = {
    Nic.VIRTIO_NET: Card("virtio-net-pci", "virtio_net"),
    Nic.E1000E: Card("e1000e", "e1000e"),
    Nic.RTL8139: Card("rtl8139", "8139cp"),
    Nic.E1000: Card("e1000", "e1000"),
    Nic.I82559C: Card("i82559c", "e100"),
    Nic.NE2K_PCI: Card("ne2k_pci", "ne2k_pci"),
    Nic.PCNET: Card("pcnet", "pcnet32"),
    Nic.VMXNET3: Card("vmxnet3", "vmxnet3"),
}
"""The device and driver of each network card.

QEMU's RTL8139 is of revision C+ (0x20), which Linux's 8139too leaves to 8139cp.
"""


FIRMWARE_OF_ROMS = (Firmware.BIOS, Firmware.UEFI)
"""The firmware that can boot by the iPXE in a card's ROM, as it does with every card but virtio's.

Under Secure Boot shim asks the ROM for GRUB; iPXE of 2019 (Debian 12's ipxe-qemu) hands GRUB over without its length,
as 4 MiB, and shim takes the file for damaged.
"""


class Slot(StrEnum):
    """The place on a node's bus of a second card, on another network: before the boot NIC, or after it."""

    BEFORE = "before"
    AFTER = "after"


class Accelerator(StrEnum):
    """QEMU's way to run a node's instructions: translation (TCG), or this machine's processor (KVM)."""

    TCG = "tcg"
    KVM = "kvm"
