"""What the initramfs does in udev's and systemd's place: drivers for the cards that are there, and mounts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from libraries import with_libraries

pytestmark = pytest.mark.container

DISKLESS = Path(__file__).parents[3] / "elements/initramfs-nfs/diskless"
MODPROBE = """\
#!/bin/sh
echo "$*" >> /log
case "$*" in
    *pci:v00001AF4*)
        mkdir -p /sys/bus/virtio/devices/virtio0
        echo virtio:d00000001 > /sys/bus/virtio/devices/virtio0/modalias
        ;;
esac
case "$*" in
    *virtio:d00000001* | *pci:v00008086*) mkdir -p /sys/class/net/eth0/device ;;
esac
"""
"""A bus's driver brings a device, and the driver of a card its interface."""


class Machine:
    """A machine with the nic script, busybox, and devices that say what they are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("bin", "conf", "sys/class/net/lo"):
            (root / name).mkdir(parents=True)
        busybox = shutil.which("busybox")
        assert busybox is not None
        with_libraries(root, busybox)
        for applet in ("cat", "mkdir", "sh"):
            (root / "bin" / applet).symlink_to(busybox)
        (root / "bin/modprobe").write_text(MODPROBE)
        (root / "bin/modprobe").chmod(0o755)
        (root / "conf/nic_drivers").write_text("virtio_net\ne1000e\n")
        shutil.copy(DISKLESS / "scripts/init-premount/nic", root)

    def plug(self, bus: str, modalias: str) -> None:
        """Put a device at a bus."""
        device = self.root / "sys/bus" / bus / "devices" / modalias.replace(":", "-")
        device.mkdir(parents=True)
        (device / "modalias").write_text(f"{modalias}\n")

    def loaded(self) -> list[str]:
        """What the script asked modprobe(8) for, call by call."""
        subprocess.run(["chroot", self.root, "/nic"], env={"PATH": "/usr/sbin:/usr/bin:/bin"}, check=True)
        return (self.root / "log").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a device for which there is no driver."""
    made = Machine(tmp_path)
    made.plug("acpi", "acpi:PNP0A08:")
    return made


def test_only_the_cards_own_driver(machine: Machine) -> None:
    """A card that its bus knows gets its driver, and no other is loaded."""
    machine.plug("pci", "pci:v00008086d000010D3")
    assert machine.loaded() == ["-q -a acpi:PNP0A08: pci:v00008086d000010D3"]


def test_card_behind_a_bus(machine: Machine) -> None:
    """A device that only the driver of its bus brings is found, too."""
    machine.plug("pci", "pci:v00001AF4d00001000")
    pci = "acpi:PNP0A08: pci:v00001AF4d00001000"
    assert machine.loaded() == [f"-q -a {pci}", f"-q -a {pci} virtio:d00000001"]


def test_card_that_does_not_say_what_it_is(machine: Machine) -> None:
    """When no device's driver brought a card, every driver is loaded and looks for its own."""
    assert machine.loaded() == ["-q -a acpi:PNP0A08:", "virtio_net", "e1000e"]


RENAMING = """\
mount -t sysfs sys /sys
for name in $cards; do
    ip link add "$name" address "52:54:00:00:00:0${name#eth}" type veth peer name "wire${name#eth}"
done
BOOTIF=$bootif sh "$script"
for card in /sys/class/net/eth*; do
    echo "${card##*/} $(cat "$card/address")"
done
"""


@pytest.mark.parametrize(
    ("cards", "bootif", "names"),
    [
        ("eth0 eth1", "01-52-54-00-00-00-00", {"eth0": "0", "eth1": "1"}),
        ("eth0 eth1 eth2", "01-52-54-00-00-00-02", {"eth0": "2", "eth1": "1", "eth2": "0"}),
        ("eth1", "01-52-54-00-00-00-01", {"eth0": "1"}),
        ("eth0 eth1", "01-52-54-00-00-00-07", {"eth0": "0", "eth1": "1"}),
        ("eth0 eth1", "", {"eth0": "0", "eth1": "1"}),
    ],
    ids=["found first", "found last", "no other", "of nobody", "not named"],
)
def test_boot_nic_is_eth0(cards: str, bootif: str, names: dict[str, str]) -> None:
    """The NIC whose MAC address the kernel is told by BOOTIF= gets the name eth0, and gives its own to what had it."""
    environment = {"PATH": os.environ["PATH"], "cards": cards, "bootif": bootif}
    environment["script"] = str(DISKLESS / "scripts/init-premount/boot-nic")
    argv = ["unshare", "--mount", "--net", "sh", "-euc", RENAMING]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    found = dict(line.split() for line in done.stdout.splitlines())
    assert found == {name: f"52:54:00:00:00:0{last}" for name, last in names.items()}
    assert done.stderr == ""


def test_hook_tells_drivers_from_what_init_loads(tmp_path: Path) -> None:
    """Drivers of NICs are taken out of the list that init loads, as mkinitramfs(8) wrote it, and kept in their own."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out/conf").mkdir(parents=True)
    (tmp_path / "in/nic_drivers").write_text("e1000\nigb\n")
    (tmp_path / "out/conf/modules").write_text("nfsv3 \ne1000 \nigb \ne1000x debug=1\n")
    environment = {"PATH": os.environ["PATH"], "CONFDIR": str(tmp_path / "in"), "DESTDIR": str(tmp_path / "out")}
    subprocess.run([DISKLESS / "hooks/nic"], env=environment, check=True)
    left = [line.split() for line in (tmp_path / "out/conf/modules").read_text().splitlines()]
    assert left == [["nfsv3"], ["e1000x", "debug=1"]]
    assert (tmp_path / "out/conf/nic_drivers").read_text().split() == ["e1000", "igb"]


MOUNTED = """
mount --bind "$scripts" /mnt
mount -t tmpfs sys /sys
mkdir -p /sys/kernel/debug
mount -t tmpfs run /run
mount -t tmpfs dev /dev
cat /proc/self/mountinfo
echo
/mnt/api
cat /proc/self/mountinfo
"""
"""A kernel whose /sys has a place for debugfs, and none for tracefs.  Mounts of this machine are covered, perhaps the
place of the scripts, too."""


def test_kernels_interfaces_are_mounted() -> None:
    """What the kernel knows and has a place for is mounted with the options of systemd's units; nothing else is."""
    argv = ["unshare", "--mount", "sh", "-euc", MOUNTED]
    environment = {"PATH": os.environ["PATH"], "scripts": str(DISKLESS / "scripts/init-bottom")}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    before, after = (set(mounts.splitlines()) for mounts in done.stdout.split("\n\n"))
    added = {line.split()[4]: line for line in after - before}
    known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    kinds = {"/run/lock": "tmpfs", "/sys/kernel/debug": "debugfs", "/dev/mqueue": "mqueue"}
    kinds |= {"/dev/hugepages": "hugetlbfs", "/run/rpc_pipefs": "rpc_pipefs"}
    assert added.keys() == {at for at, kind in kinds.items() if kind in known}
    assert all(f" - {kinds[at]} " in line for at, line in added.items())
    assert all("nosuid,nodev" in line for at, line in added.items() if at != "/run/rpc_pipefs")
    assert "size=5120k" in added["/run/lock"]
