"""The initramfs of a release, unpacked."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

WANTED = {"virtio_net", "e1000", "e1000e", "8139cp", "8139too", "r8169", "igb", "tg3"}
"""What recipes/debian-nfsroot.toml asks for."""


@pytest.fixture(scope="module")
def initramfs(kerrighed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked initramfs: its archives, one over another, as the kernel unpacks them.

    unmkinitramfs(8) puts the uncompressed ones, modules among them, below `early` and the other below `main`.
    """
    directory = tmp_path_factory.mktemp("initramfs")
    subprocess.run(["unmkinitramfs", *kerrighed.glob("initrd.img-*"), directory / "parts"], check=True)
    for part in sorted((directory / "parts").iterdir()):
        shutil.copytree(part, directory / "whole", symlinks=True, dirs_exist_ok=True)
    return directory / "whole"


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


def test_kernel_and_modules_are_of_one_version(kerrighed: Path, initramfs: Path, root: Path) -> None:
    """Kernel, initramfs, their modules and those of the tree have the manifest's kernel version."""
    version = Manifest.read(kerrighed).kernel_version
    assert (kerrighed / f"vmlinuz-{version}").is_file() and (kerrighed / f"initrd.img-{version}").is_file()
    assert {path.name for path in initramfs.glob("usr/lib/modules/*")} == {version}
    assert {path.name for path in (root / "usr/lib/modules").iterdir()} == {version}
    assert version.encode() in (kerrighed / f"vmlinuz-{version}").read_bytes()
    assert (root / f"boot/vmlinuz-{version}").read_bytes() == (kerrighed / f"vmlinuz-{version}").read_bytes()
