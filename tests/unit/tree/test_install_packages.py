"""The element's program that installs packages: what it makes of apt's answers, and packages without compression."""

from __future__ import annotations

import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[3] / "elements/debian-root/install-packages"
SOLUTION = """\
NOTE: This is only a simulation!
Inst libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64]) []
Inst util-linux [2.40-1] (1:2.41.5-0 Debian:13.7/stable, Debian-Security:13/stable-security [amd64])
Conf libc6 (2.41-12+deb13u4 Debian:13.7/stable [amd64])
Remv exim4-base [4.98-1] [exim4:amd64 ]
Inst adduser (3.152 Debian:13.7/stable [all])
"""
URIS = """\
'http://mirror.example/pool/libc6_2.41-12%2bdeb13u4_amd64.deb' libc6_2.41-12+deb13u4_amd64.deb 2847 SHA256:00
'http://mirror.example/pool/util-linux_2.41_amd64.deb' util-linux_1%3a2.41_amd64.deb 1200 SHA256:00
"""


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program as a module."""
    spec = spec_from_loader("install_packages", SourceFileLoader("install_packages", str(PROGRAM)))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def apt(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """apt, which answers as recorded."""
    monkeypatch.setenv("NFSROOT_ARCHITECTURE", "amd64")
    answers = {"--simulate": SOLUTION, "--print-uris": URIS}
    monkeypatch.setattr(program.Apt, "_run", lambda _self, option, *_arguments: answers[option])
    return program.Apt(tmp_path / "tree", tmp_path)


def test_solution(program: ModuleType, apt: object) -> None:
    """What apt would do is read line by line, with the version that is to be and not the one that is there."""
    solution = apt.solution(["libc6"])  # type: ignore[attr-defined]
    assert [(action.verb, action.package) for action in solution] == [
        ("Inst", "libc6"),
        ("Inst", "util-linux"),
        ("Conf", "libc6"),
        ("Remv", "exim4-base"),
        ("Inst", "adduser"),
    ]
    assert solution[1].file == "util-linux_1%3a2.41.5-0_amd64.deb"
    assert solution[4].file == "adduser_3.152_all.deb"


def test_closure(apt: object) -> None:
    """Names come from the files that apt would fetch."""
    assert apt.closure("?essential") == {"libc6", "util-linux"}  # type: ignore[attr-defined]


def test_batches(program: ModuleType) -> None:
    """Neighbours with the same verb go together; the order stays."""
    actions = [program.Action(verb, name, "1", "all") for verb, name in ("Ia", "Ib", "Ca", "Ic")]
    assert list(program.batches(actions)) == [("I", ["a", "b"]), ("C", ["a"]), ("I", ["c"])]


def test_a_package_without_compression_is_the_same_package(program: ModuleType, tmp_path: Path) -> None:
    """dpkg-deb reads the same control file and the same files, of an odd size too, from what is larger by then."""
    tree = tmp_path / "example"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        "Package: example\nVersion: 1\nArchitecture: all\nMaintainer: me <me@site.example>\nDescription: x\n"
    )
    (tree / "file").write_bytes(b"odd" * 9999)
    packed, plain = tmp_path / "packed.deb", tmp_path / "plain.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, packed], check=True, capture_output=True)
    program.uncompress(packed, plain)
    for question in ("--field", "--ctrl-tarfile", "--fsys-tarfile"):
        assert answer(question, plain) == answer(question, packed)
    assert plain.stat().st_size > 29997 > packed.stat().st_size


def answer(question: str, deb: Path) -> bytes:
    """What dpkg-deb says of a package."""
    return subprocess.run(["dpkg-deb", question, deb], check=True, stdout=subprocess.PIPE).stdout


def put(directory: Path, *names: str) -> None:
    """Make files, each with its own name in it."""
    for name in names:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)


def test_depmod_is_asked_for_kernels_that_are_there(program: ModuleType, tmp_path: Path) -> None:
    """Of what scripts called depmod with, the versions count that have modules, each once."""
    put(tmp_path, "usr/lib/modules/6.12.1/modules.order", program.ASKED)
    assert program.asked_for_indexes(tmp_path) == []
    (tmp_path / program.ASKED).write_text("-a 6.12.1\n6.12.1\n5.10.0\n")
    assert program.asked_for_indexes(tmp_path) == ["6.12.1"]


def test_index_of_the_same_modules_is_taken(program: ModuleType, tmp_path: Path) -> None:
    """What depmod made of a kernel's modules is put beside them when the tree has just these."""
    tree, room, modules = tmp_path / "tree", tmp_path / "room", "usr/lib/modules/6.12.1"
    put(tree / modules, "kernel/nfs.ko.xz")
    put(room / modules, "kernel/nfs.ko.xz", "modules.dep", "modules.alias.bin")
    program.take_index(tree, "6.12.1", room)
    assert {path.name for path in (tree / modules).glob("modules.*")} == {"modules.dep", "modules.alias.bin"}


def test_index_of_other_modules_is_made(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When another package has brought modules for the kernel, depmod runs in the tree."""
    tree, room, modules = tmp_path / "tree", tmp_path / "room", "usr/lib/modules/6.12.1"
    put(tree / modules, "kernel/nfs.ko.xz", "updates/extra.ko")
    put(room / modules, "kernel/nfs.ko.xz", "modules.dep")
    commands = []
    monkeypatch.setattr(program.subprocess, "run", lambda command, **_options: commands.append(command))
    program.take_index(tree, "6.12.1", room)
    assert commands == [["chroot", tree, "/usr/sbin/depmod", "6.12.1"]]
    assert not (tree / modules / "modules.dep").exists()


def test_marks_of_apt(program: ModuleType, tmp_path: Path) -> None:
    """What nobody asked for is marked; what is asked for later loses its mark."""
    udev, kmod = (program.Action("Inst", name, "1", "amd64") for name in ("udev", "libkmod2"))
    program.mark(tmp_path, [udev, kmod], ["systemd"])
    program.mark(tmp_path, [], ["udev"])
    states = (tmp_path / "var/lib/apt/extended_states").read_text()
    assert states == "Package: libkmod2\nArchitecture: amd64\nAuto-Installed: 1\n\n"
