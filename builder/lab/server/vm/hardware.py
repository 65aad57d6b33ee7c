"""QEMU's command line for a virtual server (qemu-system-x86_64(1))."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.lab.machine.qemu import list_control_options
from builder.lab.server.vm.image import DISK, INITRAMFS, KERNEL
from builder.lab.vocabulary.hardware import Accelerator
from builder.recipe.models import Cluster

SHARE = "release"
"""The name by which the server's fstab mounts the shared directory at `SHARED` (-fsdev in qemu(1))."""

SHARED = "/mnt"
"""The directory, on the server, where the share is mounted."""

MEMORY_MIB = 1024


@dataclass(frozen=True)
class ServerHardware:
    """The virtual hardware of a server: a disk, a network card for each cluster, and a share with a directory.

    The server has one processor.  With two, and without KVM, a processor may run into an instruction that the kernel on
    the other one is about to replace, and then the kernel panics ("Oops: int3").

    The first of `clusters` has the server's host name.  `image` is the directory of the disk image (see
    `ensure_image`), which is only read: what the server writes is lost at power-off.  With `disk`, the socket of an NBD
    server, the server gets its disk from there instead.  `share` is the directory that the server mounts.  `directory`
    gets the sockets, and `log` the output on the serial port.  All paths are those in the rack's namespace.
    """

    clusters: tuple[Cluster, ...]
    image: Path
    share: Path
    directory: Path
    log: Path
    oem_strings: tuple[Path, ...]
    accelerator: Accelerator
    disk: Path | None = None

    def arguments(self) -> list[str]:
        """Build the command that powers the server on."""
        argv = ["qemu-system-x86_64", "-name", self.clusters[0].server.name, "-nodefaults", "-no-user-config"]
        argv += ["-machine", "q35", "-accel", self.accelerator, "-m", str(MEMORY_MIB)]
        argv += ["-display", "none", "-kernel", str(self.image / KERNEL)]
        argv += ["-initrd", str(self.image / INITRAMFS), "-append", self.command_line()]
        argv += ["-serial", f"file:{self.log}"]
        argv += ["-drive", self._drive()]
        argv += ["-fsdev", f"local,id=share,path={self.share},security_model=none,readonly=on"]
        argv += ["-device", f"virtio-9p-pci,fsdev=share,mount_tag={SHARE}"]
        for number in range(len(self.clusters)):
            argv += ["-netdev", f"tap,id=net{number},ifname={name_tap(number)},script=no,downscript=no"]
            argv += ["-device", f"virtio-net-pci,netdev=net{number},mac={name_mac(number)},romfile="]
        return argv + list_control_options(self.directory, self.oem_strings)

    def _drive(self) -> str:
        if self.disk:
            return f"driver=raw,file.driver=nbd,file.server.type=unix,file.server.path={self.disk},if=virtio"
        return f"file={self.image / DISK},format=raw,if=virtio,snapshot=on"

    def command_line(self) -> str:
        """Build the kernel's command line, with the root, the log, and the server's address.

        systemd-network-generator(8) reads the address.  It stands in quotes, so that initramfs-tools ignores it and
        does not wait for the network.
        """
        words = ["root=/dev/vda", "rw", "console=ttyS0", "systemd.journald.forward_to_console=1"]
        words += [f"systemd.hostname={self.clusters[0].server.name}", *self._addresses()]
        return " ".join(words)

    def _addresses(self) -> Iterator[str]:
        for number, cluster in enumerate(self.clusters):
            interface = cluster.server.interface or f"eth{number}"
            address = (cluster.server.address, "", cluster.gateway or "", cluster.subnet.netmask, "", interface, "none")
            yield f"ifname={interface}:{name_mac(number)}"
            yield f'"ip={":".join(map(str, address))}"'


def name_tap(number: int) -> str:
    """Name the port of a cluster's bridge to which the server is connected; `number` is the cluster's place."""
    return f"server{number or ''}"


def name_mac(number: int) -> str:
    """Name the server's MAC address on a cluster's network; `number` is the cluster's place.

    The address is administered locally (IEEE 802, section 8.2), so that no network card has it.
    """
    return f"02:00:00:00:{number:02x}:01"
