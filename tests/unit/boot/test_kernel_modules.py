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


def made(tree: Path, directory: Path, sets: Mapping[str, str], before: Path | None = None) -> dict[str, Path]:
    """Make archives of these sets of drivers, uncompressed, and unpack each; `before` has archives made earlier."""
    conf, output = directory / "conf", directory / "output"
    (conf / "nic").mkdir(parents=True)
    output.mkdir()
    (conf / "compressor").mkdir()
    for name, drivers in sets.items():
        (conf / "compressor" / name).write_text("cat\n")
        (conf / "nic" / name).write_text(drivers)
    source = (ELEMENT / "make-nic-archives").read_text().replace('"/input/', '"')  # relative to its working directory
    program = directory / "make-nic-archives"
    program.write_text(source)
    if before:
        (directory / "nic-drivers-before").symlink_to(before)
    environment = {**os.environ, "PYTHONPATH": str(ELEMENT), "SOURCE_DATE_EPOCH": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([sys.executable, program, VERSION, output, tree], env=environment, cwd=directory, check=True)
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


@pytest.fixture
def marked(tree: Path, tmp_path: Path) -> Path:
    """Archives that were made before, of which one has a mark that no other would have."""
    made(tree, tmp_path / "before", {"igc": "igc\n"})
    archive = tmp_path / "before/output/igc"
    archive.write_bytes(archive.read_bytes() + b"made before")
    return archive


def test_archive_of_the_same_drivers_is_taken(tree: Path, tmp_path: Path, marked: Path) -> None:
    """An archive that was made of the same bytes is not made again, and may be taken from the copy in turn."""
    made(tree, tmp_path / "now", {"igc": "igc\n", "default": "igc\n"}, before=marked.parent)
    now = tmp_path / "now/output"
    assert (now / "igc").read_bytes() == marked.read_bytes()
    assert (now / "igc.json").read_bytes() == marked.with_name("igc.json").read_bytes()
    assert not (now / "default").read_bytes().endswith(b"made before"), "it has another name in it"


@pytest.mark.parametrize("changed", ["kernel/drivers/ptp/ptp.ko.xz", "modules.alias", "../../firmware/intel/igc.fw"])
def test_archive_of_other_bytes_is_made(tree: Path, tmp_path: Path, marked: Path, changed: str) -> None:
    """A module, a table or a firmware file of other bytes counts, even of the same size and time."""
    file = tree / "usr/lib/modules" / VERSION / changed
    before = file.stat()
    content = bytearray(file.read_bytes())
    if file.suffix == ".xz":
        content = bytearray(lzma.compress(lzma.decompress(content)[::-1]))
    else:
        content[-2] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    made(tree, tmp_path / "now", {"igc": "igc\n"}, before=marked.parent)
    assert not (tmp_path / "now/output/igc").read_bytes().endswith(b"made before")


def test_archive_with_new_firmware_is_made(tree: Path, tmp_path: Path, marked: Path) -> None:
    """Firmware that was not in the tree before, and is asked for, comes into the archive."""
    (tree / "usr/lib/firmware/intel/igc.fw").rename(tree / "usr/lib/firmware/intel/igc.fw.xz")
    archive = made(tree, tmp_path / "now", {"igc": "igc\n"}, before=marked.parent)["igc"]
    assert (archive / "usr/lib/firmware/intel/igc.fw.xz").is_file()


def early(tree: Path, job: Path, verb: str) -> int:
    """Have early-nic-archives do something in a job below the test's own directory; its exit status."""
    if verb == "begin":
        for place in ("conf/nic", "conf/compressor", "scratch", "output/nic-drivers"):
            (job / place).mkdir(parents=True)
        (job / "conf/nic/igc").write_text("igc\n")
        (job / "conf/compressor/igc").write_text("cat\n")
        for name in ("early-nic-archives", "make-nic-archives", "kernel_modules.py"):
            text = (ELEMENT / name).read_text()
            for place in ("/scratch/", "/output/"):
                text = text.replace(place, f"{job}{place}")
            (job / name).write_text(text.replace('"/input/', f'"{job}/'))
            (job / name).chmod(0o755)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "7", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([job / "early-nic-archives", verb, VERSION], env=environment, cwd=tree).returncode


def test_early_archives(tree: Path, tmp_path: Path) -> None:
    """Archives that are made while hooks run are those of the finished tree, if no hook touches what is in them."""
    made(tree, tmp_path / "late", {"igc": "igc\n"})
    assert early(tree, tmp_path / "job", "begin") == 0
    (tree / "usr/share").mkdir()
    assert early(tree, tmp_path / "job", "take") == 0
    archive = tmp_path / "job/output/nic-drivers/igc"
    assert archive.read_bytes() == (tmp_path / "late/output/igc").read_bytes()
    assert archive.with_name("igc.json").exists()


@pytest.mark.parametrize(
    "touch",
    [
        "printf %s '' >> usr/lib/firmware/intel/igc.fw && touch -d @0 usr/lib/firmware/intel/igc.fw",
        "rm -r usr/lib/firmware",
        f"touch usr/lib/modules/{VERSION}/new.ko",
    ],
)
def test_early_archives_of_another_tree(tree: Path, tmp_path: Path, touch: str) -> None:
    """Archives are made anew when a hook has touched modules or firmware since, however little."""
    assert early(tree, tmp_path / "job", "begin") == 0
    # A change that comes before the archives are begun is in them.
    subprocess.run(["flock", tmp_path / f"job/scratch/nic-drivers-{VERSION}.lock", "true"], check=True)
    subprocess.run(["sh", "-ec", touch], cwd=tree, check=True)
    assert early(tree, tmp_path / "job", "take") == 1
    assert not list((tmp_path / "job/output/nic-drivers").iterdir())


def test_early_archives_that_fail(tree: Path, tmp_path: Path) -> None:
    """What could not be made early is to be made late, which tells why; and so is what nobody has begun."""
    (tree / "usr/lib/modules" / VERSION / f"{NET}/ethernet/intel/igc/igc.ko.xz").write_bytes(b"damaged")
    assert early(tree, tmp_path / "job", "begin") == 0
    assert early(tree, tmp_path / "job", "take") == 1
    command = [tmp_path / "job/early-nic-archives", "take", "another-version"]
    assert subprocess.run(command, cwd=tree).returncode == 1


def test_tables_of_the_initramfs(tree: Path, tmp_path: Path) -> None:
    """The initramfs knows the dependencies of each wired driver, and which of them a card at PCI needs."""
    modules = tree / "usr/lib/modules" / VERSION
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([ELEMENT / "list-nic-drivers", modules, tmp_path], env=environment, check=True)
    lines = (tmp_path / "nic-dependencies").read_text().splitlines()
    assert f"{NET}/ethernet/intel/igc/igc.ko: kernel/drivers/ptp/ptp.ko" in lines
    assert not [line for line in lines if "wireless" in line or ".xz" in line]
    assert (tmp_path / "nic-cards").read_text() == "10ec:8168 r8169\n8086:15f3 igc\n"
