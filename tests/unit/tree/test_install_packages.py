"""The element's program that installs packages: the order of dpkg's work, and depmod beside it."""

from __future__ import annotations

import fcntl
import os
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import kept
import pytest
import resolver

PROGRAM = Path(__file__).parents[3] / "elements/debian-root/install-packages"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    """The program as a module."""
    spec = spec_from_loader("install_packages", SourceFileLoader("install_packages", str(PROGRAM)))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_batches(program: ModuleType) -> None:
    """Neighbours with the same verb go together; the order stays."""
    decided = [resolver.Action(verb, name) for verb, name in ("Ia", "Ib", "Ca", "Ic")]
    assert list(program.batches(decided)) == [("I", ["a", "b"]), ("C", ["a"]), ("I", ["c"])]


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
        kept.uncompress(packed, tmp_path / f"plain-{name}.deb")
        debs.append(tmp_path / f"plain-{name}.deb")
    (tmp_path / "tree").mkdir()
    program.extract(debs, tmp_path / "tree")
    assert {path.name for path in (tmp_path / "tree").iterdir()} == {"both", "first", "second"}
    assert (tmp_path / "tree/both").read_text() == "of the second"
    assert (tmp_path / "tree/first").stat().st_mode & 0o7777 == 0o4755


def test_command_that_takes_long_runs_beside_the_scripts(program: ModuleType, tmp_path: Path) -> None:
    """The stand-in of a command returns at once, and the lock is free when the command itself has ended."""
    busy, stand_in, command = tmp_path / "busy", tmp_path / "first/systemd-hwdb", tmp_path / "second/systemd-hwdb"
    for file, script in (
        (stand_in, program.BESIDE.replace(f"/{program.BUSY}", str(busy))),
        (command, f'#!/bin/sh\nflock {tmp_path}/gate true\necho "$0 $@" > {tmp_path}/told\n'),
    ):
        file.parent.mkdir()
        program.write_command(file, script)
    path = f"{stand_in.parent}:{command.parent}:{os.environ['PATH']}"
    with (tmp_path / "gate").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        subprocess.run(["systemd-hwdb", "--usr", "update"], env={"PATH": path}, check=True)
        assert not (tmp_path / "told").exists()
        assert subprocess.run(["flock", "--nonblock", busy, "true"]).returncode == 1
    subprocess.run(["flock", busy, "true"], check=True, timeout=60)
    assert (tmp_path / "told").read_text() == f"{command} --usr update\n"


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
