"""QEMU's command line for a node (qemu-system-x86_64(1))."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.lab.vocabulary.hardware import CARDS, Accelerator, Firmware, Nic, Slot

AGENT_PORT = "org.nfsroot.lab"
"""Name of the virtio-serial port over which the agent of a node answers."""

KNOCK_PORT = "org.nfsroot.lab.knock"
"""Name of the virtio-serial ports that the lab plugs in to start the agent of a node."""

SHELL_PORT = "org.nfsroot.lab.shell"
"""Name of the virtio-serial port of a person's shell on a node."""

MEMORY_MIB = 1024
OVMF = Path("/usr/share/OVMF")
"""The directory with the firmware images of Debian's package ovmf."""


OTHER_MAC = "02:00:00:00:00:02"
"""The MAC address of a node's second card, administered locally (IEEE 802, section 8.2)."""


@dataclass(frozen=True)
class Flash:
    """A UEFI firmware in flash memory: code, and the variables that a new machine begins with."""

    code: Path
    variables: Path


_PLAIN = Flash(OVMF / "OVMF_CODE_4M.fd", OVMF / "OVMF_VARS_4M.fd")
_SECURE = Flash(OVMF / "OVMF_CODE_4M.secboot.fd", OVMF / "OVMF_VARS_4M.ms.fd")
FLASH = {
    Firmware.UEFI: _PLAIN,
    Firmware.SECURE_BOOT: _SECURE,
    Firmware.UEFI_HTTP: _PLAIN,
    Firmware.SECURE_BOOT_HTTP: _SECURE,
}
"""The flash memory of each UEFI firmware.

The one for Secure Boot has Microsoft's keys and enforces signatures (/usr/share/doc/ovmf/README.Debian).
"""


WITHOUT_PXE = [
    *("-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"),
    *("-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"),
]
"""Options that turn off PXE, which OVMF otherwise tries before a card's HTTP boot (OvmfPkg, PxeBcPcdProducerLib)."""


def list_control_options(directory: Path, oem_strings: Iterable[Path]) -> list[str]:
    """List QEMU's options for every machine of a rack: random numbers, SMBIOS strings, QMP, and the agent's port."""
    argv = ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
    argv += ["-chardev", _socket("agent", directory / "agent.sock")]
    argv += ["-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"]
    argv += ["-chardev", _socket("qmp", directory / "qmp.sock"), "-mon", "chardev=qmp,mode=control"]
    for path in oem_strings:
        argv += ["-smbios", f"type=11,path={path}"]
    return argv


@dataclass(frozen=True)
class NodeHardware:
    """The virtual hardware of a diskless node.

    `directory` has its sockets and logs, and `oem_strings` are files with SMBIOS strings of type 11; all are paths in
    the rack's namespace.  The node is connected to the bridge's port `tap`, or to the lab's own `cable` (a socket).
    With `other` it has a second card, on a network where QEMU answers DHCP (qemu-system-x86_64(1), -netdev user).
    """

    name: str
    mac: str
    tap: str
    directory: Path
    oem_strings: tuple[Path, ...] = ()
    firmware: Firmware = Firmware.BIOS
    accelerator: Accelerator = Accelerator.TCG
    nic: Nic = Nic.VIRTIO_NET
    cable: Path | None = None
    other: Slot | None = None

    def arguments(self) -> list[str]:
        """Build the command that powers the node on; its network card is its only boot device."""
        at = self.directory
        argv = ["qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config"]
        argv += ["-accel", self.accelerator, "-m", str(MEMORY_MIB), "-display", "none", "-vga", "std"]
        argv += self._cards()
        argv += ["-serial", f"file:{at / 'console.log'}", *list_control_options(at, self.oem_strings)]
        argv += ["-chardev", _socket("shell", at / "shell.sock")]
        argv += ["-device", f"virtserialport,chardev=shell,name={SHELL_PORT}"]
        return argv + self._platform()

    def _cards(self) -> list[str]:
        """List QEMU's options for the node's network cards, in the order of their slots."""
        device = CARDS[self.nic].device
        own = ["-netdev", self._netdev()]
        own += ["-device", f"{device},netdev=net,mac={self.mac},bootindex=1{self._option_rom()}"]
        other = ["-netdev", "user,id=other,restrict=on", "-device", f"{device},netdev=other,mac={OTHER_MAC},romfile="]
        return {None: own, Slot.BEFORE: [*other, *own], Slot.AFTER: [*own, *other]}[self.other]

    def _netdev(self) -> str:
        if self.cable:
            return f"stream,id=net,addr.type=unix,addr.path={self.cable}"
        return f"tap,id=net,ifname={self.tap},script=no,downscript=no"

    def _option_rom(self) -> str:
        """Give the option that leaves iPXE's ROM out of the boot NIC, if the firmware does not need the ROM.

        BIOS needs the ROM for PXE; OVMF needs it as a driver of every card but virtio's, for which it has its own.
        """
        return ",romfile=" if self.firmware in FLASH and self.nic is Nic.VIRTIO_NET else ""

    def _platform(self) -> list[str]:
        """List QEMU's options for chipset and firmware.

        With Secure Boot, System Management Mode protects the firmware's variables from the operating system.
        """
        if self.firmware not in FLASH:
            return ["-machine", "q35"]
        secure = "on" if FLASH[self.firmware] is _SECURE else "off"
        flash = FLASH[self.firmware]
        argv = ["-machine", f"q35,smm={secure}", "-global", f"driver=cfi.pflash01,property=secure,value={secure}"]
        argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={flash.code}"]
        argv += ["-drive", f"if=pflash,unit=1,format=raw,file={self.directory / flash.variables.name}"]
        return argv + (WITHOUT_PXE if self.firmware.over_http else [])


def _socket(name: str, path: Path) -> str:
    return f"socket,id={name},path={path},server=on,wait=off"
