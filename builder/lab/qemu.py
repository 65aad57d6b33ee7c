"""QEMU's command line for a node (qemu-system-x86_64(1))."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

AGENT_PORT = "org.nfsroot.lab"
"""Name of the virtio-serial port over which a node answers."""

KNOCK_PORT = "org.nfsroot.lab.knock"
"""Name of the virtio-serial ports whose appearance starts the node's agent."""

MEMORY_MIB = 1024
OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")


class Firmware(StrEnum):
    """What a node starts with."""

    BIOS = "bios"
    UEFI = "uefi"


class Accelerator(StrEnum):
    """How QEMU runs a node's instructions: translated, or by the processor."""

    TCG = "tcg"
    KVM = "kvm"


@dataclass(frozen=True)
class NodeMachine:
    """A diskless node.

    `directory` holds its sockets and logs, `oem_strings` are files with SMBIOS strings of type 11, all as the
    rack's machine sees them.
    """

    name: str
    mac: str
    tap: str
    directory: Path
    oem_strings: tuple[Path, ...] = ()
    firmware: Firmware = Firmware.BIOS
    accelerator: Accelerator = Accelerator.TCG

    def arguments(self) -> list[str]:
        """The command that powers the node on; its network card is its only boot device."""
        at = self.directory
        argv = ["qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config", "-machine", "q35"]
        argv += ["-accel", self.accelerator, "-m", str(MEMORY_MIB), "-display", "none", "-vga", "std"]
        argv += ["-netdev", f"tap,id=net,ifname={self.tap},script=no,downscript=no"]
        argv += ["-device", f"virtio-net-pci,netdev=net,mac={self.mac},bootindex=1"]
        argv += ["-serial", f"file:{at / 'console.log'}", "-device", "virtio-rng-pci"]
        argv += ["-device", "virtio-serial-pci", "-chardev", _socket("agent", at / "agent.sock")]
        argv += ["-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"]
        argv += ["-chardev", _socket("qmp", at / "qmp.sock"), "-mon", "chardev=qmp,mode=control"]
        if self.firmware is Firmware.UEFI:
            argv += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={OVMF_CODE}"]
            argv += ["-drive", f"if=pflash,unit=1,format=raw,file={at / OVMF_VARS.name}"]
        for path in self.oem_strings:
            argv += ["-smbios", f"type=11,path={path}"]
        return argv


def _socket(name: str, path: Path) -> str:
    return f"socket,id={name},path={path},server=on,wait=off"
