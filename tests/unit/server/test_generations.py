"""Generations of menus that install.sh makes: all nodes change at once, and the way back stays."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import with_cluster, with_http
from test_install import install, unpack

from builder.recipe.models import Recipe
from builder.server.bundle import render

Bundle = Callable[..., Path]
ENTRY = re.compile(r"^(?:title|menuentry) .*?(?=^\s*\n|\Z)", re.MULTILINE | re.DOTALL)


@pytest.fixture
def bundle(debian: Recipe, tmp_path: Path) -> Bundle:
    """Gives the unpacked bundle of a release of some version, with a stand-in for its kernel."""

    def unpacked(version: str, recipe: Recipe = debian) -> Path:
        name = recipe.image.name
        layout = layout_of(recipe, version)
        directory = unpack(render(layout), tmp_path / f"{name}-{version}")
        served = directory / f"srv/tftp/{name}/{version}"
        served.mkdir(parents=True)
        (served / layout.kernel_file).write_text(f"kernel of {name} {version}\n")
        return directory

    return unpacked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A server's file system."""
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def installed(bundle: Path, root: Path, *options: str) -> str:
    """What install.sh says, which must succeed."""
    done = install(bundle, "--root", root, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def generations(root: Path) -> list[str]:
    """Every entry of the directory of generations."""
    return sorted(path.name for path in (root / "srv/tftp/.grub").iterdir())


def menu(root: Path, name: str) -> str:
    """A menu as nodes read it."""
    return (root / "srv/tftp/grub" / name).read_text()


def entries(text: str) -> list[str]:
    """The entries of a menu in either syntax."""
    return [entry.rstrip() for entry in ENTRY.findall(text)]


def plain(root: Path) -> dict[str, str]:
    """Menus in a directory, as an install.sh left them that knew no generations; gives them."""
    menus = root / "srv/tftp/grub"
    target = menus.resolve()
    menus.unlink()
    target.rename(menus)
    shutil.rmtree(root / "srv/tftp/.grub")
    return {path.name: path.read_text() for path in menus.iterdir()}


def test_menus_are_a_generation(bundle: Bundle, root: Path) -> None:
    """/srv/tftp/grub is a relative link to the first generation, which has the bundle's menus as they are."""
    release = bundle("1.0")
    said = installed(release, root)
    assert (root / "srv/tftp/grub").readlink() == Path(".grub/1-debian-nfsroot-1.0")
    assert generations(root) == ["1-debian-nfsroot-1.0"]
    assert f"Nodes have the menus in {root}/srv/tftp/.grub/1-debian-nfsroot-1.0 from now on.\n" in said
    shipped = {path.name: path.read_text() for path in (release / "srv/tftp/grub").iterdir()}
    assert {name: menu(root, name) for name in shipped} == shipped


@pytest.mark.parametrize("name", ["ssi1", "ssi1.cfg", "ssi4", "ssi4.cfg", "default", "default.cfg"])
def test_each_menu_falls_back_to_the_release_before(bundle: Bundle, root: Path, name: str) -> None:
    """The second entry is the first one of before, and GRUB is told to fall back to it."""
    before, after = bundle("1.0"), bundle("2.0")
    installed(before, root)
    installed(after, root)
    assert (root / "srv/tftp/grub").readlink() == Path(".grub/2-debian-nfsroot-2.0")
    shipped = [entries((each / "srv/tftp/grub" / name).read_text()) for each in (after, before)]
    assert entries(menu(root, name)) == [shipped[0][0], shipped[1][0]]
    fallback = "set fallback=1" if name.endswith(".cfg") else "fallback 1"
    head = menu(root, name).split("menuentry" if name.endswith(".cfg") else "title")[0]
    assert fallback in head.splitlines()


@pytest.mark.server
def test_grub_reads_menus_of_two_entries(bundle: Bundle, root: Path) -> None:
    """grub-script-check takes every menu in GRUB 2's syntax."""
    installed(bundle("1.0"), root)
    installed(bundle("2.0"), root)
    for file in (root / "srv/tftp/grub").glob("*.cfg"):
        subprocess.run(["grub-script-check", file], check=True)


def test_same_release_again_changes_nothing(bundle: Bundle, root: Path) -> None:
    """With a release of before in its menus, the second run of install.sh has nothing to do."""
    installed(bundle("1.0"), root)
    installed(bundle("2.0"), root)
    before = {path: path.lstat().st_mtime_ns for path in root.rglob("*")}
    assert installed(root.parent / "debian-nfsroot-2.0", root) == (
        f"Not there yet: {root}/NFSROOT/debian-nfsroot/2.0; put the nodes' root in place (see README).\n"
        "Everything is in place; nothing was changed.\n"
    )
    assert {path: path.lstat().st_mtime_ns for path in root.rglob("*")} == before


def test_a_release_that_is_gone_is_no_way_back(bundle: Bundle, root: Path) -> None:
    """When the kernel of the release before is not on the server any more, menus have one entry."""
    installed(bundle("1.0"), root)
    shutil.rmtree(root / "srv/tftp/debian-nfsroot/1.0")
    installed(bundle("2.0"), root)
    assert len(entries(menu(root, "ssi1"))) == len(entries(menu(root, "ssi1.cfg"))) == 1
    assert "fallback" not in menu(root, "ssi1") + menu(root, "ssi1.cfg")


def test_another_card_has_no_entry_of_before(bundle: Bundle, root: Path, debian: Recipe) -> None:
    """A node whose MAC address has changed would not find its old card; others fall back as ever."""
    installed(bundle("1.0"), root)
    first, *others = debian.cluster.nodes
    other = with_cluster(debian, nodes=(first.model_copy(update={"mac": "52:54:00:aa:bb:cc"}), *others))
    installed(bundle("2.0", other), root)
    assert len(entries(menu(root, first.name))) == 1
    assert len(entries(menu(root, others[0].name))) == 2


def test_arguments_with_blanks_are_left_out_of_legacy_menus(bundle: Bundle, root: Path, debian: Recipe) -> None:
    """GRUB would take the arguments of the release before apart, which had to be read in GRUB 2's syntax."""
    quoted = debian.model_copy(
        update={"kernel": debian.kernel.model_copy(update={"arguments": ('dyndbg="file a.c +p"',)})}
    )
    installed(bundle("1.0", quoted), root)
    installed(bundle("2.0"), root)
    assert len(entries(menu(root, "ssi1"))) == 1
    assert len(entries(menu(root, "ssi1.cfg"))) == 2


def test_a_node_that_leaves_loses_its_menu(bundle: Bundle, root: Path, debian: Recipe) -> None:
    """install.sh says which node that is, before and after; a menu that somebody else wrote stays."""
    installed(bundle("1.0"), root)
    (root / "srv/tftp/grub/guest.cfg").write_text("menuentry guest {\n  echo guest\n}\n")
    fewer = bundle("2.0", with_cluster(debian, nodes=debian.cluster.nodes[:3]))
    told = "the menu of ssi4; mycluster has no such node any more.\n"
    assert f"Would remove {told}" in installed(fewer, root, "--dry-run")
    assert entries(menu(root, "ssi4"))
    said = installed(fewer, root)
    assert f"Removed {told}" in said
    assert said.count("has no such node") == 1
    left = {path.name for path in (root / "srv/tftp/grub").iterdir()}
    assert not left & {"ssi4", "ssi4.cfg", f"{debian.cluster.nodes[3].mac}.cfg"}
    assert {"ssi3", "guest.cfg"} <= left


def test_a_node_more_leaves_the_others_as_they_are(bundle: Bundle, root: Path, debian: Recipe) -> None:
    """The new node has a menu without a way back, and the others' first entries differ in the version alone."""
    installed(bundle("1.0", with_cluster(debian, nodes=debian.cluster.nodes[:3])), root)
    before = {name: entries(menu(root, name)) for name in ("ssi1", "ssi2", "ssi3")}
    installed(bundle("2.0"), root)
    assert len(entries(menu(root, "ssi4"))) == 1
    for name, (entry,) in before.items():
        assert entries(menu(root, name)) == [entry.replace("1.0", "2.0"), entry]


def test_the_way_back_is_one_command(bundle: Bundle, root: Path) -> None:
    """The command that install.sh tells gives nodes the menus of before; install.sh of the newer one goes on again."""
    installed(bundle("1.0"), root)
    before = menu(root, "ssi1")
    said = installed(bundle("2.0"), root)
    after = menu(root, "ssi1")
    command = said.split("Back to those of before: ")[1].splitlines()[0]
    assert command == f"ln -sfT .grub/1-debian-nfsroot-1.0 {root}/srv/tftp/grub"
    subprocess.run(command.split(" "), check=True)
    assert menu(root, "ssi1") == before
    installed(root.parent / "debian-nfsroot-2.0", root)
    assert menu(root, "ssi1") == after
    assert generations(root) == ["1-debian-nfsroot-1.0", "2-debian-nfsroot-2.0"]


def test_an_older_bundle_leads_back(bundle: Bundle, root: Path) -> None:
    """The install.sh of the release before makes a generation in which the newer one is the release of before."""
    installed(bundle("1.0"), root)
    installed(bundle("2.0"), root)
    newer, older = entries(menu(root, "ssi1"))
    installed(root.parent / "debian-nfsroot-1.0", root)
    assert entries(menu(root, "ssi1")) == [older, newer]


def test_the_last_few_generations_are_kept(bundle: Bundle, root: Path) -> None:
    """Five stay, the one of before among them, and install.sh says what it removes."""
    for version in range(1, 8):
        said = installed(bundle(f"{version}.0"), root)
    assert generations(root) == [f"{number}-debian-nfsroot-{number}.0" for number in range(3, 8)]
    assert f"Removed {root}/srv/tftp/.grub/2-debian-nfsroot-2.0, menus of before.\n" in said
    subprocess.run(["ln", "-sfT", ".grub/3-debian-nfsroot-3.0", root / "srv/tftp/grub"], check=True)
    installed(bundle("8.0"), root)
    assert [name.split("-")[0] for name in generations(root)] == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_menus_in_a_directory_are_taken_over(bundle: Bundle, root: Path, can_exchange: bool) -> None:
    """Menus of an install.sh that knew no generations become the generation before; foreign files come along.

    Where names can be exchanged, nodes find menus at every moment.
    """
    installed(bundle("1.0"), root)
    before = plain(root)
    foreign = root / "srv/tftp/grub/fonts/unicode.pf2"
    foreign.parent.mkdir()
    foreign.write_bytes(b"font")
    foreign.chmod(0o640)
    release = bundle("2.0")
    if not can_exchange:
        script = (release / "install.sh").read_text()
        assert "dpkg --print-architecture" in script
        (release / "install.sh").write_text(script.replace("dpkg --print-architecture", "echo other"))
    missing: list[str] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                (root / "srv/tftp/grub/grub.cfg").open().close()
            except OSError as error:
                missing.append(str(error))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        said = installed(release, root)
    finally:
        ended.set()
        watch.join()
    assert ("for a moment" in said) == (not can_exchange)
    assert not (missing and can_exchange)
    assert generations(root) == ["1-debian-nfsroot-2.0", "2-before"]
    kept = root / "srv/tftp/.grub/2-before"
    assert {path.name: path.read_text() for path in kept.iterdir() if path.is_file()} == before
    assert foreign.read_bytes() == b"font"
    assert foreign.stat().st_mode & 0o777 == 0o640
    assert len(entries(menu(root, "ssi1"))) == 2


def test_two_at_once_come_one_after_the_other(bundle: Bundle, root: Path) -> None:
    """Who comes second says that it waits, and builds on what the first one left."""
    installed(bundle("1.0"), root)
    release = bundle("2.0")
    held = os.open(root, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(root.parent)}
    with subprocess.Popen(
        [release / "install.sh", "--root", root], stdout=subprocess.PIPE, text=True, env=environment
    ) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "Another install.sh is at work here: waiting for its end.\n"
        assert generations(root) == ["1-debian-nfsroot-1.0"]
        os.close(held)
        second.communicate()
    assert second.returncode == 0
    assert (root / "srv/tftp/grub").readlink() == Path(".grub/2-debian-nfsroot-2.0")


def test_nodes_of_kerrighed_without_a_menu_are_refused_as_ever(bundle: Bundle, root: Path, kerrighed: Recipe) -> None:
    """The default menu that refuses nodes gets no entry to boot, though the release before had one."""
    installed(bundle("1.0"), root)
    installed(bundle("2.0", with_http(kerrighed)), root)
    for name in ("default", "default.cfg"):
        assert "vmlinuz" not in menu(root, name)
        assert "fallback" not in menu(root, name)
