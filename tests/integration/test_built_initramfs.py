"""The initramfs of a release, unpacked."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Project

from builder.recipe import nics
from builder.release.manifest import Manifest

pytestmark = pytest.mark.container

LOADED = 18_500_000
LOADED_BY_A_NODE_WITH_A_NIC = 15_500_000
"""Bytes of kernel and initramfs together, at most."""


@pytest.fixture(scope="module")
def initramfs(kerrighed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The initramfs unpacked as the kernel does it: it and the drivers behind it are archives of their own."""
    directory = tmp_path_factory.mktemp("initramfs")
    (packed,) = kerrighed.glob("initrd.img-*")
    data = subprocess.run(["zstd", "-dcq", packed], capture_output=True, check=True).stdout
    for archive in archives(data):
        command = ["cpio", "--extract", "--quiet", "--unconditional", "--make-directories"]
        subprocess.run(command, input=archive, cwd=directory, check=True)
    return directory


def archives(data: bytes) -> Iterator[bytes]:
    """The archives that are joined in `data`: an entry called TRAILER!!! and zeros end each (cpio(5), "newc")."""
    start = position = 0
    while position < len(data):
        size, length = (int(data[position + at : position + at + 8], 16) for at in (54, 94))
        name = data[position + 110 : position + 109 + length]
        position = aligned(aligned(position + 110 + length) + size)
        if name == b"TRAILER!!!":
            while data[position : position + 1] == b"\0":
                position += 1
            yield data[start:position]
            start = position


def aligned(position: int) -> int:
    """The next multiple of four."""
    return (position + 3) & ~3


def modules(directory: Path) -> set[str]:
    """Names of the kernel modules below a directory."""
    return {nics.normalize_name(path.name.split(".ko")[0]) for path in directory.rglob("*.ko*")}


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
    """Of network drivers the initramfs holds the common ones, and what they depend on."""
    (drivers,) = initramfs.glob("**/kernel/drivers/net")
    found = modules(drivers)
    assert found >= set(nics.GROUP)
    assert not {"mlx5_core", "cxgb4", "bnx2x", "iwlwifi"} & found
    assert not list(initramfs.glob("**/kernel/drivers/ata")) and not list(initramfs.glob("**/kernel/drivers/scsi"))


def test_it_loads_drivers_for_the_cards_that_are_there(initramfs: Path) -> None:
    """init loads the NFS client; drivers of NICs are left to a script that looks for cards."""
    assert (initramfs / "conf/modules").read_text().split() == ["nfsv3", "af_packet"]
    assert set((initramfs / "conf/nic/default").read_text().split()) > {"virtio_net", "xhci_pci", "igc"}
    assert "/scripts/init-premount/nic" in (initramfs / "scripts/init-premount/ORDER").read_text()


def test_it_knows_every_driver(initramfs: Path) -> None:
    """Dependencies of drivers that are elsewhere are known, and so is which of them a card needs."""
    (tables,) = initramfs.glob("usr/lib/modules/*/modules.dep")
    dependencies = {line.partition(":")[0].rpartition("/")[2] for line in tables.read_text().splitlines()}
    assert {"igc.ko", "mlx5_core.ko", "nfsv3.ko", "i2c-algo-bit.ko"} <= dependencies
    cards = dict(line.split() for line in (initramfs / "conf/nic-cards").read_text().splitlines())
    assert cards["8086:15f3"] == "igc" and cards["15b3:1017"] == "mlx5_core"


def test_it_mounts_the_kernels_interfaces(initramfs: Path) -> None:
    """When the root has /dev, more is mounted there, so that systemd need not."""
    order = (initramfs / "scripts/init-bottom/ORDER").read_text()
    assert order.index("/scripts/init-bottom/dev ") < order.index("/scripts/init-bottom/api ")


def test_it_is_small(kerrighed: Path, initramfs: Path) -> None:
    """Every node loads kernel and initramfs, so these are small: no udev, no kmod, no library that only these need."""
    (kernel,), (packed,) = kerrighed.glob("vmlinuz-*"), kerrighed.glob("initrd.img-*")
    assert kernel.stat().st_size + packed.stat().st_size <= LOADED
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


NICS = """
[cluster]
domain = "c.example"
subnet = "192.0.2.0/24"
server = { name = "server", address = "192.0.2.1" }
nodes = [
  { names = "n1", addresses = "192.0.2.11", macs = ["52:54:00:00:01:01"], nic = "igc" },
  { names = "n2", addresses = "192.0.2.12", macs = ["52:54:00:00:01:02"], nic = "mlx5_core" },
  { names = "n3", addresses = "192.0.2.13", macs = ["52:54:00:00:01:03"] },
]
"""


@pytest.mark.full
def test_nodes_load_what_their_card_needs(build_release: Callable[[str], Path], tmp_path: Path) -> None:
    """A node with a `nic` loads that driver alone; its initramfs is in the release, and in both forms of its menu."""
    recipe = tmp_path / "nics.toml"
    recipe.write_text(f'extends = "debian-nfsroot"\n{NICS}')
    release = build_release(str(recipe))
    (kernel,) = release.glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    with tarfile.open(next(release.glob("*-server.tar.gz"))) as bundle:
        for node, suffix in (("n1", ".igc"), ("n2", ".mlx5_core"), ("n3", "")):
            initramfs = release / f"initrd.img-{version}{suffix}"
            most = LOADED_BY_A_NODE_WITH_A_NIC if suffix else LOADED
            assert kernel.stat().st_size + initramfs.stat().st_size <= most
            for menu in (f"srv/tftp/grub/{node}", f"srv/tftp/grub/{node}.cfg"):
                text = bundle.extractfile(menu)
                assert text is not None
                assert f"/{initramfs.name}\n" in text.read().decode()


def test_driver_that_the_kernel_lacks_ends_the_build(tiny: Project) -> None:
    """A driver that the kernel lacks is a mistake at its place; the tree is there already, and no release is made."""
    recipe = tiny.directory / "recipes/typo.toml"
    recipe.write_text('extends = "tiny"\n[initramfs]\nnic_drivers = ["-virtio_net", "virtionet"]\n')
    done = tiny.run("build", "typo", f"--cache-dir={tiny.cache}")
    assert done.status == 2
    assert "typo.toml:3:31: Linux " in done.errors
    assert "has no module 'virtionet'; did you mean 'virtio_net'?" in done.errors
    assert not list(tiny.output.glob("typo/*"))
