"""The modules of a kernel, as the element initramfs-nfs finds them in a tree, and the archives that it makes."""

from __future__ import annotations

import importlib.util
import lzma
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest

ELEMENT = Path(__file__).parents[3] / "elements/initramfs-nfs"
VERSION = "6.12.1-amd64"
NET = "kernel/drivers/net"
MODULES = {
    f"{NET}/ethernet/intel/igc/igc.ko.xz": ("ptp",),
    f"{NET}/ethernet/realtek/r8169.ko.xz": ("libphy",),
    f"{NET}/ethernet/mellanox/mlx4/mlx4_core.ko.xz": (),
    f"{NET}/ethernet/mellanox/mlx4/mlx4_en.ko.xz": ("mlx4_core", "ptp"),
    f"{NET}/phy/realtek.ko.xz": ("libphy",),
    f"{NET}/phy/libphy.ko": (),
    f"{NET}/usb/r8152.ko.xz": (),
    f"{NET}/wireless/iwlwifi.ko.xz": (),
    f"{NET}/virtio_net.ko.xz": (),
    "kernel/drivers/virtio/virtio_pci.ko.xz": (),
    "kernel/drivers/usb/host/xhci-pci.ko.xz": (),
    "kernel/drivers/ptp/ptp.ko.xz": (),
}
"""Paths of modules, and the names of those that they depend on."""
ALIASES = """\
# Aliases extracted from modules themselves.
alias pci:v00008086d000015F3sv*sd*bc*sc*i* igc
alias pci:v000010ECd00008168sv*sd*bc*sc*i* r8169
alias pci:v*d00008139sv*sd*bc*sc*i* r8169
alias virtio:d00000001v* virtio_net
alias pci:v00008086d00000024sv*sd*bc*sc*i* iwlwifi
"""


@pytest.fixture(scope="module")
def modules_of_a_kernel() -> ModuleType:
    """The element's own module."""
    spec = importlib.util.spec_from_file_location("kernel_modules", ELEMENT / "kernel_modules.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a kernel's modules, of which igc asks for firmware that is there and for some that is not."""
    directory = tmp_path / "tree/usr/lib/modules" / VERSION
    paths = {Path(path).name.partition(".ko")[0]: path for path in MODULES}
    lines = []
    for path, needed in MODULES.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        firmware = b"\0firmware=intel/igc.fw\0firmware=intel/missing.fw\0" if file.name.startswith("igc") else b""
        content = b"\x7fELF " + file.name.encode() + firmware
        file.write_bytes(lzma.compress(content) if file.suffix == ".xz" else content)
        lines.append(f"{path}: {' '.join(paths[name] for name in needed)}\n")
    (directory / "modules.dep").write_text("".join(lines))
    (directory / "modules.alias").write_text(ALIASES)
    (directory / "modules.softdep").write_text("softdep r8169 pre: realtek\n")
    (tmp_path / "tree/usr/lib/firmware/intel").mkdir(parents=True)
    (tmp_path / "tree/usr/lib/firmware/intel/igc.fw").write_text("firmware")
    return tmp_path / "tree"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["igc"], ["igc"]),
        (["igc", "e1000"], ["igc"]),
        (["virtio_net"], ["virtio_net", "virtio_pci"]),
        (["mlx4_core"], ["mlx4_core", "mlx4_en"]),
        (["r8152"], ["r8152", "xhci_pci"]),
        (
            ["all"],
            ["igc", "mlx4_core", "mlx4_en", "r8152", "r8169", "virtio_net", "virtio_pci", "xhci_pci"],
        ),
        (["all", "-r8152", "-mlx4_core", "-mlx4_en"], ["igc", "r8169", "virtio_net", "virtio_pci"]),
    ],
)
def test_words_and_drivers(modules_of_a_kernel: ModuleType, tree: Path, words: list[str], names: list[str]) -> None:
    """Words become drivers that the kernel has, with what brings an interface: a bus, a card's other half."""
    modules = modules_of_a_kernel.Modules(tree / "usr/lib/modules" / VERSION)
    assert modules.chosen(words) == names


def test_dependencies_that_are_only_wished(modules_of_a_kernel: ModuleType, tree: Path) -> None:
    """A module that is asked for softly comes along, with what it depends on itself."""
    modules = modules_of_a_kernel.Modules(tree / "usr/lib/modules" / VERSION)
    found = {modules_of_a_kernel.name_of(path) for path in modules.with_dependencies(["r8169"])}
    assert found == {"r8169", "realtek", "libphy"}


def made(tree: Path, directory: Path, sets: Mapping[str, str]) -> dict[str, Path]:
    """Make archives of these sets of drivers, uncompressed, and unpack each."""
    conf, output = directory / "conf", directory / "output"
    (conf / "nic").mkdir(parents=True)
    output.mkdir()
    (conf / "compressor").mkdir()
    for name, drivers in sets.items():
        (conf / "compressor" / name).write_text("cat\n")
        (conf / "nic" / name).write_text(drivers)
    program = ELEMENT / "make-nic-archives"
    source = program.read_text().replace('Path("/input/conf")', f"Path({str(conf)!r})")
    environment = {**os.environ, "PYTHONPATH": str(ELEMENT), "SOURCE_DATE_EPOCH": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, "-c", source, VERSION, output, tree], env=environment, check=True)
    for name in sets:
        target = directory / "unpacked" / name
        target.mkdir(parents=True)
        command = ["cpio", "--extract", "--quiet", "--make-directories", "--preserve-modification-time"]
        subprocess.run(command, stdin=(output / name).open("rb"), cwd=target, check=True)
    return {name: directory / "unpacked" / name for name in sets}


def test_archive_of_a_driver(tree: Path, tmp_path: Path) -> None:
    """An archive has a driver, what it depends on, its firmware, the devices that it drives, and its name."""
    archive = made(tree, tmp_path / "one", {"igc": "igc\n"})["igc"]
    files = {str(path.relative_to(archive)): path for path in archive.rglob("*") if path.is_file()}
    at = f"usr/lib/modules/{VERSION}/kernel/drivers"
    assert set(files) == {
        "conf/nic/igc",
        "etc/modprobe.d/nic-igc.conf",
        "usr/lib/firmware/intel/igc.fw",
        f"{at}/net/ethernet/intel/igc/igc.ko",
        f"{at}/ptp/ptp.ko",
    }
    assert files[f"{at}/ptp/ptp.ko"].read_bytes() == b"\x7fELF ptp.ko.xz"
    assert files["etc/modprobe.d/nic-igc.conf"].read_text() == "alias pci:v00008086d000015F3sv*sd*bc*sc*i* igc\n"
    assert files["conf/nic/igc"].read_text() == "igc\n"
    assert {path.stat().st_mtime for path in files.values()} == {7}
    assert {path.stat().st_mode & 0o7777 for path in files.values()} == {0o644}


def test_archives_are_reproducible(tree: Path, tmp_path: Path) -> None:
    """The same drivers give the same bytes, in whatever order and company they are asked for."""
    made(tree, tmp_path / "one", {"default": "igc\nr8169\n"})
    made(tree, tmp_path / "two", {"default": "r8169\nigc\n", "all": "all\n"})
    one, two = ((tmp_path / name / "output/default").read_bytes() for name in ("one", "two"))
    assert one == two


def test_tables_of_the_initramfs(tree: Path, tmp_path: Path) -> None:
    """The initramfs knows the dependencies of each wired driver, and which of them a card at PCI needs."""
    modules = tree / "usr/lib/modules" / VERSION
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([ELEMENT / "list-nic-drivers", modules, tmp_path], env=environment, check=True)
    lines = (tmp_path / "nic-dependencies").read_text().splitlines()
    assert f"{NET}/ethernet/intel/igc/igc.ko: kernel/drivers/ptp/ptp.ko" in lines
    assert not [line for line in lines if "wireless" in line or ".xz" in line]
    assert (tmp_path / "nic-cards").read_text() == "10ec:8168 r8169\n8086:15f3 igc\n"
