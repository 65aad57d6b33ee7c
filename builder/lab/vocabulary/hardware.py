"""The hardware of nodes: firmware, network cards and slots for them, and the accelerator that runs a node."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Firmware(StrEnum):
    """The firmware of a node, which boots by PXE, or, where its name ends with -http, over HTTP."""

    BIOS = "bios"
    UEFI = "uefi"
    SECURE_BOOT = "secure-boot"
    UEFI_HTTP = "uefi-http"
    SECURE_BOOT_HTTP = "secure-boot-http"

    @property
    def by_pxe(self) -> Firmware:
        """The firmware of the same kind that boots by PXE."""
        return Firmware(self.removesuffix("-http"))

    @property
    def over_http(self) -> bool:
        """Whether the firmware boots over HTTP (UEFI HTTP boot)."""
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
"""The network cards that a matrix tries.  `nfsroot lab --nic` tries any other one."""


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
"""The firmware that can boot from iPXE in the ROM of a network card, as nodes do with every card but virtio's.

Under Secure Boot shim asks the ROM for GRUB; iPXE of 2019 (Debian 12's ipxe-qemu) hands GRUB over without its length,
as 4 MiB, and shim takes the file for damaged.
"""


class Slot(StrEnum):
    """The place of a node's second network card on the PCI bus: before the boot NIC or after it."""

    BEFORE = "before"
    AFTER = "after"


class Accelerator(StrEnum):
    """The part of QEMU that runs a node's instructions: TCG translates them, KVM runs them on this processor."""

    TCG = "tcg"
    KVM = "kvm"
