"""The initramfs of a release, unpacked."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

WANTED = {"virtio_net", "e1000", "e1000e", "8139cp", "8139too", "r8169", "igb", "tg3"}
"""What recipes/debian-nfsroot.toml asks for."""


LOADED_BY_EVERY_NODE = 16_000_000
"""Bytes of kernel and initramfs together, at most."""


@pytest.fixture(scope="module")
def initramfs(kerrighed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked initramfs, which is one archive: unmkinitramfs(8) would have a directory for each of several."""
    directory = tmp_path_factory.mktemp("initramfs")
    subprocess.run(["unmkinitramfs", *kerrighed.glob("initrd.img-*"), directory], check=True)
    return directory


def modules(directory: Path) -> set[str]:
    """Names of the kernel modules below a directory."""
    return {path.name.split(".ko")[0] for path in directory.rglob("*.ko*")}


def test_it_can_mount_an_nfs_root(initramfs: Path) -> None:
    """The NFSv3 client, klibc's nfsmount and ipconfig and the NFS boot script are there."""
    assert {"nfs", "nfsv3", "lockd", "sunrpc"} <= modules(initramfs)
    assert list(initramfs.glob("**/bin/nfsmount")) and list(initramfs.glob("**/bin/ipconfig"))
    assert (initramfs / "scripts/nfs").is_file()
    assert "BOOT=nfs" in (initramfs / "conf/initramfs.conf").read_text().splitlines()


def test_it_prepares_the_node(initramfs: Path) -> None:
    """nfsbooted's script is there, may be executed, and is called at nfs-bottom."""
    assert (initramfs / "scripts/nfs-bottom/nfsbooted").stat().st_mode & 0o111
    assert "/scripts/nfs-bottom/nfsbooted" in (initramfs / "scripts/nfs-bottom/ORDER").read_text()


def test_it_holds_no_driver_that_nobody_wants(initramfs: Path) -> None:
    """Of network drivers the initramfs holds those of the recipe, and what they depend on."""
    (drivers,) = initramfs.glob("**/kernel/drivers/net")
    found = {path.name.split(".ko")[0] for path in drivers.rglob("*.ko*") if "phy" not in path.parts}
    depended_on = {"mii", "net_failover", "failover"}
    assert found >= WANTED
    assert found - WANTED <= depended_on
    assert not list(initramfs.glob("**/kernel/drivers/ata")) and not list(initramfs.glob("**/kernel/drivers/scsi"))


def test_it_loads_drivers_for_the_cards_that_are_there(initramfs: Path) -> None:
    """init loads the NFS client; drivers of NICs are left to a script that looks for cards."""
    assert (initramfs / "conf/modules").read_text().split() == ["nfsv3", "af_packet"]
    assert set((initramfs / "conf/nic_drivers").read_text().split()) == {"virtio_pci", *WANTED}
    assert "/scripts/init-premount/nic" in (initramfs / "scripts/init-premount/ORDER").read_text()


def test_it_mounts_the_kernels_interfaces(initramfs: Path) -> None:
    """When the root has /dev, more is mounted there, so that systemd need not."""
    order = (initramfs / "scripts/init-bottom/ORDER").read_text()
    assert order.index("/scripts/init-bottom/dev ") < order.index("/scripts/init-bottom/api ")


def test_it_is_small(kerrighed: Path, initramfs: Path) -> None:
    """Every node loads kernel and initramfs, so these are small: no udev, no kmod, no library that only these need."""
    (kernel,), (packed,) = kerrighed.glob("vmlinuz-*"), kerrighed.glob("initrd.img-*")
    assert kernel.stat().st_size + packed.stat().st_size <= LOADED_BY_EVERY_NODE
    assert not [path for name in ("*udev*", "kmod", "libcrypto*") for path in initramfs.rglob(name)]
    assert not list(initramfs.rglob("*.ko.*"))


@pytest.fixture
def running(initramfs: Path) -> Iterator[Path]:
    """The initramfs as if its kernel were this machine's."""
    (modules,) = (initramfs / "usr/lib/modules").iterdir()
    ours = modules.with_name(os.uname().release)
    ours.symlink_to(modules.name)
    yield initramfs
    ours.unlink()


@pytest.mark.parametrize(
    ("asked", "module"),
    [("fs-nfs", "nfs"), ("nfsv3", "nfsv3"), ("pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", "e1000e")],
)
def test_busybox_loads_modules(running: Path, asked: str, module: str) -> None:
    """In kmod's place busybox finds what the kernel asks for, with the options that init passes in a variable."""
    command = ["chroot", str(running), "env", "MODPROBE_OPTIONS=-D", "modprobe", asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith(f"/{module}.ko")


def test_kernel_and_modules_are_of_one_version(kerrighed: Path, initramfs: Path, root: Path) -> None:
    """Kernel, initramfs, their modules and those of the tree have the manifest's kernel version."""
    version = Manifest.read(kerrighed).kernel_version
    assert (kerrighed / f"vmlinuz-{version}").is_file() and (kerrighed / f"initrd.img-{version}").is_file()
    assert {path.name for path in initramfs.glob("usr/lib/modules/*")} == {version}
    assert {path.name for path in (root / "usr/lib/modules").iterdir()} == {version}
    assert version.encode() in (kerrighed / f"vmlinuz-{version}").read_bytes()
    assert (root / f"boot/vmlinuz-{version}").read_bytes() == (kerrighed / f"vmlinuz-{version}").read_bytes()
