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
    *virtio:d00000001* | *pci:v00008086d000010D3*)
        mkdir -p /sys/class/net/eth0/device
        echo 52:54:00:00:01:01 > /sys/class/net/eth0/address
        ;;
esac
"""
"""A bus's driver brings a device, and the driver of a card its interface."""


APPLETS = ("cat", "grep", "head", "mkdir", "sed", "sh", "tr", "uname")


class Machine:
    """A machine with the nic script, busybox, and devices that say what they are."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("bin", "conf", "sys/class/net/lo"):
            (root / name).mkdir(parents=True)
        busybox = shutil.which("busybox")
        assert busybox is not None
        with_libraries(root, busybox)
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to(busybox)
        (root / "bin/sleep").write_text("#!/bin/sh\n")
        (root / "bin/sleep").chmod(0o755)
        (root / "bin/modprobe").write_text(MODPROBE)
        (root / "bin/modprobe").chmod(0o755)
        (root / "conf/nic").mkdir()
        (root / "conf/nic/default").write_text("virtio_net\ne1000e\n")
        (root / "conf/nic-cards").write_text("14e4:1639 e1000e\n8086:10d3 e1000e\n8086:15f3 igc\n")
        shutil.copy(DISKLESS / "scripts/init-premount/nic", root)

    def plug(self, bus: str, modalias: str, vendor: str = "", device: str = "") -> None:
        """Put a device at a bus; one with a vendor is a network card."""
        at = self.root / "sys/bus" / bus / "devices" / modalias.replace(":", "-")
        at.mkdir(parents=True)
        (at / "modalias").write_text(f"{modalias}\n")
        card = {"class": "0x020000", "vendor": vendor, "device": device} if vendor else {"class": "0x060000"}
        for name, value in card.items():
            (at / name).write_text(f"{value}\n")

    def said(self, bootif: str = "") -> list[str]:
        """What the script says on the console."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", "BOOTIF": bootif}
        done = subprocess.run(
            ["chroot", self.root, "/nic"], env=environment, stdout=subprocess.PIPE, text=True, check=True
        )
        return done.stdout.split("\n")

    def loaded(self) -> list[str]:
        """What the script asked modprobe(8) for, call by call."""
        self.said()
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
    assert machine.loaded()[:3] == ["-q -a acpi:PNP0A08:", "-q virtio_net", "-q e1000e"]


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


def test_card_whose_driver_is_not_there(machine: Machine) -> None:
    """A node whose card has no driver says which card, which driver, and what to write where."""
    machine.plug("pci", "pci:v00008086d000015F3", vendor="0x8086", device="0x15f3")
    said = machine.said()
    assert "The network card 8086:15f3 at PCI address pci-v00008086d000015F3 has no driver here." in said
    assert 'It needs igc: write nic = "igc" for this node in the cluster file, or add "igc"' in said
    assert "to nic_drivers under [initramfs] in the recipe." in " ".join(said)


def test_card_that_linux_does_not_know(machine: Machine) -> None:
    """A card of which the kernel knows no driver needs another kernel."""
    machine.plug("pci", "pci:v00001234d00005678", vendor="0x1234", device="0x5678")
    assert any(line.endswith("the recipe needs a newer kernel, see [kernel] package.") for line in machine.said())


def test_card_that_its_driver_leaves_alone(machine: Machine) -> None:
    """A card whose driver is there and does not take it is told apart: it may lack firmware."""
    machine.plug("pci", "pci:v000014E4d00001639", vendor="0x14e4", device="0x1639")
    assert any(line.startswith("Its driver e1000e does not take it") for line in machine.said())


def test_other_card_than_the_one_booted_from(machine: Machine) -> None:
    """Where the boot loader names the NIC that it came over, no other one will do."""
    machine.plug("pci", "pci:v00008086d000010D3", vendor="0x8086", device="0x10d3")
    machine.plug("pci", "pci:v00008086d000015F3", vendor="0x8086", device="0x15f3")
    assert machine.said("01-52-54-00-00-01-01") == [""]
    assert any("It needs igc" in line for line in machine.said("01-52-54-00-00-01-FF"))


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
