"""The element's program that installs packages: what it makes of apt's answers, and packages without compression."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "elements/debian-root/install-packages"
COMMANDS = """\
W: a warning of apt's that names dpkg
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --no-triggers --unpack --auto-deconfigure \
/room/archives/libc6_2.41-12+deb13u4_amd64.deb /room/archives/util-linux_1%3a2.41_amd64.deb \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --no-triggers --configure libc6:amd64 adduser:all \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --force-depends --remove exim4-base:amd64 \n\
/usr/bin/dpkg --admindir /tree/var/lib/dpkg/ --status-fd 12 --configure --pending \n\
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


class Answers:
    """apt-get, which answers as recorded: it knows what it would call once the files of `needed` are at hand."""

    def __init__(self, room: Path, needed: tuple[str, ...], commands: str) -> None:
        self.room, self.needed, self.commands = room, needed, commands
        self.asked: list[str] = []

    def __call__(self, *arguments: str) -> str:
        """Answer, or fail as apt-get does."""
        self.asked.append(next(word for word in arguments if word in ("--print-uris", "download", "--no-download")))
        if self.asked[-1] == "--print-uris":
            return URIS
        if self.asked[-1] == "download":
            assert arguments[1:] == ("util-linux:amd64=1:2.41",)
            (self.room / "util-linux_1%3a2.41_amd64.deb").write_text("deb")
        elif not all((self.room / "archives" / file).exists() for file in self.needed):
            raise subprocess.CalledProcessError(100, ["apt-get", *arguments])
        return self.commands


Offer = Callable[..., tuple[Any, Answers]]


@pytest.fixture
def offer(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """What gives apt, which answers as recorded and needs the packages named, and its answers."""
    monkeypatch.setenv("NFSROOT_ARCHITECTURE", "amd64")
    for name, place in (("INDEX", "index"), ("SIZES", "sizes"), ("DOWNLOADED", "downloaded"), ("NEW", "new")):
        monkeypatch.setattr(program, name, tmp_path / place)
    (tmp_path / "index").write_text("")
    (tmp_path / "sizes").write_text("libc6_2.41-12+deb13u4_amd64.deb 2847\nutil-linux_1%3a2.41_amd64.deb 1200\n")
    (tmp_path / "downloaded").mkdir()
    (tmp_path / "room").mkdir()
    monkeypatch.setattr(program, "uncompress", lambda deb, target: target.write_bytes(deb.read_bytes()))

    def make(*needed: str, removes: bool = False) -> tuple[Any, Answers]:
        room = tmp_path / "room"
        commands = COMMANDS if removes else COMMANDS.replace("--remove", "--configure")
        apt, answers = program.Apt(tmp_path / "tree", room), Answers(room, needed, commands)
        apt._run = answers
        return apt, answers

    return make


def test_actions(program: ModuleType) -> None:
    """What apt would call is read call by call: what is unpacked by its file, everything else by its name."""
    assert list(program.actions(COMMANDS)) == [
        ("--unpack", "libc6", "libc6_2.41-12+deb13u4_amd64.deb"),
        ("--unpack", "util-linux", "util-linux_1%3a2.41_amd64.deb"),
        ("--configure", "libc6", None),
        ("--configure", "adduser", None),
        ("--remove", "exim4-base", None),
    ]


def test_decision_with_packages_at_hand(program: ModuleType, offer: Offer, tmp_path: Path) -> None:
    """apt is asked once, and sees files as large as the archive says of those that were downloaded before."""
    (tmp_path / "downloaded/libc6_2.41-12+deb13u4_amd64.deb").write_text("larger or smaller")
    (tmp_path / "downloaded/of-another-archive_1_all.deb").write_text("not in the lists")
    apt, answers = offer("libc6_2.41-12+deb13u4_amd64.deb")
    decision = program.decide(tree_with_packages(tmp_path), ["libc6"], apt)
    assert decision.debs["libc6"] == tmp_path / "downloaded/libc6_2.41-12+deb13u4_amd64.deb"
    assert answers.asked == ["--no-download"]
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "room/archives").glob("*.deb")}
    assert sizes == {"libc6_2.41-12+deb13u4_amd64.deb": 2847}


def test_decision_downloads_what_is_missing(program: ModuleType, offer: Offer, tmp_path: Path) -> None:
    """When packages are missing, just these are downloaded, and apt is asked once more."""
    (tmp_path / "downloaded/libc6_2.41-12+deb13u4_amd64.deb").write_text("here")
    apt, answers = offer("libc6_2.41-12+deb13u4_amd64.deb", "util-linux_1%3a2.41_amd64.deb")
    decision = program.decide(tree_with_packages(tmp_path), ["util-linux"], apt)
    assert decision.debs["util-linux"] == tmp_path / "new/util-linux_1%3a2.41_amd64.deb"
    assert answers.asked == ["--no-download", "--print-uris", "download", "--no-download"]


def test_no_decision_that_removes(program: ModuleType, offer: Offer, tmp_path: Path) -> None:
    """What would take the place of a package of the tree is not decided."""
    apt, _ = offer(removes=True)
    assert program.decide(tree_with_packages(tmp_path), ["nullmailer"], apt) is None


def tree_with_packages(tmp_path: Path) -> Path:
    """A tree whose dpkg knows of a package."""
    status = tmp_path / "tree/var/lib/dpkg/status"
    status.parent.mkdir(parents=True)
    status.write_text("Package: base-files\n")
    return tmp_path / "tree"


def test_files(offer: Offer) -> None:
    """What apt would fetch, by the names that it gives the files, with their sizes."""
    apt, _ = offer()
    assert apt.files(["?essential"]) == {"libc6_2.41-12+deb13u4_amd64.deb": 2847, "util-linux_1%3a2.41_amd64.deb": 1200}


def test_batches(program: ModuleType) -> None:
    """Neighbours with the same verb go together; the order stays."""
    decided = [program.Action(verb, name) for verb, name in ("Ia", "Ib", "Ca", "Ic")]
    assert list(program.batches(decided)) == [("I", ["a", "b"]), ("C", ["a"]), ("I", ["c"])]


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


def test_packages_are_unpacked_one_after_the_other(program: ModuleType, tmp_path: Path) -> None:
    """Packages without compression leave files with their modes; what two of them have is the last one's."""
    debs = []
    for name in ("first", "second"):
        tree = tmp_path / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: me <me@site.example>\nDescription: x\n"
        )
        (tree / "both").write_text(f"of the {name}")
        (tree / name).write_text("x" * 7)
        (tree / name).chmod(0o4755)
        packed = tmp_path / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, packed], check=True, capture_output=True)
        program.uncompress(packed, tmp_path / f"plain-{name}.deb")
        debs.append(tmp_path / f"plain-{name}.deb")
    (tmp_path / "tree").mkdir()
    program.extract(debs, tmp_path / "tree")
    assert {path.name for path in (tmp_path / "tree").iterdir()} == {"both", "first", "second"}
    assert (tmp_path / "tree/both").read_text() == "of the second"
    assert (tmp_path / "tree/first").stat().st_mode & 0o7777 == 0o4755


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
    udev, kmod = (program.Action("--unpack", name, f"{name}_1_amd64.deb") for name in ("udev", "libkmod2"))
    program.mark(tmp_path, [udev, kmod], ["systemd"])
    program.mark(tmp_path, [], ["udev"])
    states = (tmp_path / "var/lib/apt/extended_states").read_text()
    assert states == "Package: libkmod2\nArchitecture: amd64\nAuto-Installed: 1\n\n"
