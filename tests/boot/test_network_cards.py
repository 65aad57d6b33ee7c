"""Every network card that QEMU can boot from, and a node whose card has no driver."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from threading import Timer

import pytest
from first_boot import Boot, booted

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import CARDS, MATRIX_NICS, Firmware, Nic

pytestmark = [pytest.mark.boot, pytest.mark.full]

SECONDS = 240
"""After these a machine that shows nothing is switched off."""
FOUND_ONLY = (("tulip", "eth0"), ("usb-net", "usb0"), (CARDS[Nic.NE2K_PCI].device, "eth0"))
"""Cards of QEMU that no node boots from here: there is no ROM for them, or QEMU's card stops to receive (QEMU 7.2's
NE2000 in two of two boots: as systemd started, and as the node shut down).  They get their driver all the same, and
Linux gives them these names: usb0 to a card at USB whose address is administered locally (usbnet.c)."""
NODES = """
[cluster]
domain = "mycluster.home"
subnet = "192.168.0.0/24"
server = { name = "nfsserver", address = "192.168.0.1" }
nodes = [
  { names = "ssi1", addresses = "192.168.0.101", macs = ["52:54:00:00:01:01"], nic = "virtio_net" },
  { names = "ssi2", addresses = "192.168.0.102", macs = ["52:54:00:00:01:02"], nic = "igc" },
]
"""


@pytest.fixture(scope="module")
def of_two_kinds(variant_to_boot: Callable[..., Release]) -> Release:
    """A release for two nodes, each with a card of its own."""
    return variant_to_boot("boot-nics", NODES)


@pytest.mark.parametrize("nic", [nic for nic in Nic if nic not in MATRIX_NICS and nic is not Nic.NE2K_PCI])
def test_card_boots(nic: Nic, release_to_boot: Callable[[str], Release], cache: Cache) -> None:
    """A node with a card that no matrix tries passes every check, without a word about the card in the recipe."""
    boot = booted(release_to_boot("debian-nfsroot"), cache, Firmware.BIOS, nic=nic)
    assert boot.wrong == []


@pytest.mark.parametrize("firmware", [Firmware.BIOS, Firmware.SECURE_BOOT])
def test_node_that_says_what_its_card_is(firmware: Firmware, of_two_kinds: Release, cache: Cache) -> None:
    """A node with a `nic` boots from an initramfs of its own, named by either form of its menu."""
    boot: Boot = booted(of_two_kinds, cache, firmware)
    assert boot.wrong == []


def started(release: Release, initramfs: str, *cards: str, until: str) -> str:
    """What the console of a machine with these cards shows, started from the release's kernel and initramfs."""
    kernel = release.directory / f"vmlinuz-{release.manifest.kernel_version}"
    argv = ["qemu-system-x86_64", "-nodefaults", "-machine", "q35", "-m", "512", "-display", "none", "-no-reboot"]
    argv += ["-kernel", str(kernel), "-initrd", str(release.directory / initramfs), "-serial", "stdio"]
    argv += ["-append", "console=ttyS0 quiet root=/dev/nfs ip=dhcp nfsroot=10.0.2.2:/none panic=1"]
    argv += ["-device", "qemu-xhci"] if "usb-net" in cards else []
    for number, card in enumerate(cards):
        argv += ["-netdev", f"user,id=net{number}", "-device", f"{card},netdev=net{number}"]
    shown: list[str] = []
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, errors="replace") as machine:
        assert machine.stdout
        patience = Timer(SECONDS, machine.kill)
        patience.start()
        for line in machine.stdout:
            shown.append(line)
            if until in line:
                break
        patience.cancel()
        machine.kill()
    return "".join(shown)


@pytest.mark.parametrize(("card", "interface"), FOUND_ONLY)
def test_card_is_found(card: str, interface: str, release_to_boot: Callable[[str], Release]) -> None:
    """A card at PCI or USB that no node boots from gets its driver and an address."""
    release = release_to_boot("debian-nfsroot")
    complete = f"IP-Config: {interface} complete"
    shown = started(release, f"initrd.img-{release.manifest.kernel_version}", card, until=complete)
    assert complete in shown


def test_node_without_a_driver_says_so(of_two_kinds: Release) -> None:
    """A node that loads another driver than its card's names the card, its driver, and where to write that."""
    initramfs = f"initrd.img-{of_two_kinds.manifest.kernel_version}.igc"
    shown = started(of_two_kinds, initramfs, "e1000e", until="build a release and install it")
    assert "The network card 8086:10d3 at PCI address 0000:00:" in shown
    assert 'It needs e1000e: write nic = "e1000e" for this node in the cluster file' in shown
