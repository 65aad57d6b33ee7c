"""QEMU's command line for a virtual server (qemu-system-x86_64(1))."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from builder.lab.machine.qemu import list_control_options
from builder.lab.server.vm.image import DISK, INITRAMFS, KERNEL
from builder.lab.vocabulary.hardware import Accelerator
from builder.recipe.models import Cluster

TAP = "server"
MAC = "02:00:00:00:00:01"
"""The server's MAC address, administered locally (IEEE 802, section 8.2), so that no network card has it."""

INTERFACE = "eth0"
"""The server's network interface if the cluster file names none."""

SHARE = "release"
"""The name by which the server's fstab mounts the release's directory at /mnt (-fsdev in qemu(1))."""

MEMORY_MIB = 1024


@dataclass(frozen=True)
class ServerHardware:
    """The virtual hardware of a server: a disk, a network card, and a share with the release's directory.

    The server has one processor.  With two, and without KVM, a processor may run into an instruction that the kernel on
    the other one is about to replace, and then the kernel panics ("Oops: int3").

    `image` is the directory of the disk image (see `ensure_image`), which is only read: what the server writes is lost
    at power-off.  `directory` gets the sockets, and `log` the output on the serial port.  All paths are those in the
    rack's namespace.
    """

    cluster: Cluster
    image: Path
    release: Path
    directory: Path
    log: Path
    oem_strings: tuple[Path, ...]
    accelerator: Accelerator

    def arguments(self) -> list[str]:
        """Build the command that powers the server on."""
        argv = ["qemu-system-x86_64", "-name", self.cluster.server.name, "-nodefaults", "-no-user-config"]
        argv += ["-machine", "q35", "-accel", self.accelerator, "-m", str(MEMORY_MIB)]
        argv += ["-display", "none", "-kernel", str(self.image / KERNEL)]
        argv += ["-initrd", str(self.image / INITRAMFS), "-append", self.command_line()]
        argv += ["-serial", f"file:{self.log}"]
        argv += ["-drive", f"file={self.image / DISK},format=raw,if=virtio,snapshot=on"]
        argv += ["-fsdev", f"local,id=share,path={self.release},security_model=none,readonly=on"]
        argv += ["-device", f"virtio-9p-pci,fsdev=share,mount_tag={SHARE}"]
        argv += ["-netdev", f"tap,id=net,ifname={TAP},script=no,downscript=no"]
        argv += ["-device", f"virtio-net-pci,netdev=net,mac={MAC},romfile="]
        return argv + list_control_options(self.directory, self.oem_strings)

    def command_line(self) -> str:
        """Build the kernel's command line, with the root, the log, and the server's address.

        systemd-network-generator(8) reads the address.  It stands in quotes, so that initramfs-tools ignores it and
        does not wait for the network.
        """
        cluster = self.cluster
        interface = cluster.server.interface or INTERFACE
        address = (cluster.server.address, "", cluster.gateway or "", cluster.subnet.netmask, "", interface, "none")
        words = ["root=/dev/vda", "rw", "console=ttyS0", "systemd.journald.forward_to_console=1"]
        words += [f"systemd.hostname={cluster.server.name}", f"ifname={interface}:{MAC}"]
        return " ".join([*words, f'"ip={":".join(map(str, address))}"'])
