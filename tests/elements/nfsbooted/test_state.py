"""What a node keeps on the server when its release changes, and what comes from the release that runs."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from pathlib import Path

import pytest
from node import CONF, PACKAGE, Node, cut_power

pytestmark = pytest.mark.container
STATUS = "cat /run/nfsbooted/status"
LIST_STATE = Path(__file__).parents[3] / "elements/nfsbooted/list-state"
SETTINGS = CONF.replace("/var:tmpfs /srv:shared", "/home:persistent /var:node") + "STATE=/export\nSTATE_OPTIONS=bind\n"
OWN = "export/nodes/ssi1/var"


class Release:
    """A node's tree whose releases change while the directory `export` stays."""

    def __init__(self, node: Node) -> None:
        self.node = node
        node.write("etc/nfsbooted/nfsbooted.conf", SETTINGS)
        for name in ("export/nodes/ssi1", "export/all", "home", "var/lib/dpkg/info", "var/lib/chrony", "var/log"):
            (node.tree / name).mkdir(parents=True, exist_ok=True)
        os.chown(node.tree / "var/lib/chrony", 121, 121)
        (node.tree / "var/lib/chrony").chmod(0o750)
        node.write("var/lib/dpkg/status", "first")
        node.write("var/lib/shells.state", "first")
        node.write("var/lib/chrony/drift", "first")
        os.chown(node.tree / "var/lib/chrony/drift", 121, 121)
        (node.tree / "var/run").symlink_to("/run")
        self.listed()

    def listed(self) -> None:
        """Say what is what, as the last step of a tree's build does."""
        subprocess.run([LIST_STATE, self.node.tree], check=True)

    def says(self, command: str) -> str:
        """What a command prints on the node, which booted without a failure."""
        said = self.node.says(f"{STATUS}; {command}")
        assert "directory" not in said, said
        return said


@pytest.fixture
def release(node: Node) -> Release:
    """The first release of a node whose /var is its own and whose /home is everybody's."""
    return Release(node)


def test_state_begins_with_the_tree(release: Release) -> None:
    """Directories, owners, modes and links are the tree's; what is written is on the server; nothing stays in /run."""
    said = release.says(
        "stat -c '%a %u:%g' /var/lib/chrony; readlink /var/run; echo me > /var/log/boot; echo all > /home/a"
    )
    assert said.split() == ["750", "121:121", "/run"]
    assert (release.node.tree / OWN / "log/boot").read_text() == "me\n"
    assert (release.node.tree / "export/all/home/a").read_text() == "all\n"
    assert not (release.node.tree / "var/log/boot").exists()
    assert "/run/nfsbooted" not in release.says("cut -d ' ' -f 2 /proc/mounts")


def test_packages_records_are_the_releases(release: Release) -> None:
    """dpkg's database is the running release's, cannot be written to, and takes no room in the state."""
    assert release.says("cat /var/lib/dpkg/status; touch /var/lib/dpkg/x 2>&1 || :").startswith("first")
    release.node.write("var/lib/dpkg/status", "second")
    release.listed()
    said = release.says("cat /var/lib/dpkg/status; touch /var/lib/dpkg/x 2>&1 || :")
    assert said.startswith("second") and "Read-only file system" in said
    assert list((release.node.tree / OWN / "lib/dpkg").iterdir()) == []


def test_new_release_keeps_what_nodes_wrote(release: Release) -> None:
    """Files that nodes changed, removed or made stay so; what nobody touched is the new release's."""
    release.node.write("var/lib/removed", "first")
    release.node.write("var/lib/changed", "first")
    release.listed()
    release.says("rm /var/lib/removed; echo node > /var/lib/changed; echo node > /var/lib/made")
    for name in ("removed", "changed", "made", "new", "shells.state"):
        release.node.write(f"var/lib/{name}", "second")
    release.node.write("var/lib/chrony/drift", "second")
    os.chown(release.node.tree / "var/lib/chrony/drift", 121, 121)
    release.listed()
    names = "changed made new shells.state chrony/drift"
    said = release.says(f"cd /var/lib; [ ! -e removed ] && for file in {names}; do cat $file; echo; done")
    assert said.split() == ["node", "node", "second", "second", "first"]


def test_new_directory_comes_with_what_is_in_it(release: Release) -> None:
    """A package that a release adds finds its directory, with owner and data."""
    release.says(":")
    (release.node.tree / "var/lib/munge").mkdir(mode=0o711)
    release.node.write("var/lib/munge/seed", "its own")
    for name in ("var/lib/munge", "var/lib/munge/seed"):
        os.chown(release.node.tree / name, 135, 135)
    release.listed()
    assert release.says("stat -c '%a %u' /var/lib/munge; cat /var/lib/munge/seed").split() == [
        "711",
        "135",
        "its",
        "own",
    ]


def test_directory_that_was_there_before_its_package(release: Release) -> None:
    """A record of packages of which state had none is mounted over a directory that is made for it."""
    release.says(":")
    (release.node.tree / "var/lib/pam").mkdir()
    release.node.write("var/lib/pam/seen", "unix")
    release.listed()
    assert release.says("cat /var/lib/pam/seen") == "unix"


def test_directory_outside_of_the_lists(release: Release) -> None:
    """A directory below /etc begins with all that the tree has there."""
    release.node.write("etc/nfsbooted/nfsbooted.conf", SETTINGS.replace("/home:persistent", "/etc/site:node"))
    (release.node.tree / "etc/site/below").mkdir(parents=True)
    release.node.write("etc/site/below/file", "site")
    assert release.says("cat /etc/site/below/file; echo mine > /etc/site/below/file") == "site"
    assert release.says("cat /etc/site/below/file") == "mine\n"


def fill_home(release: Release) -> dict[str, str]:
    """Give the tree a home with many files, and return these and their contents."""
    files = {f"home/{number % 7}/file{number}": f"{number}\n" * 2000 for number in range(200)}
    for name, text in files.items():
        (release.node.tree / name).parent.mkdir(exist_ok=True)
        release.node.write(name, text)
    give_away(release.node.tree / "home/1", 0o2750)
    for number in range(8):
        empty = release.node.tree / f"home/empty{number}"
        empty.mkdir()
        give_away(empty, 0o1777)
    release.listed()
    return files


def give_away(path: Path, mode: int) -> None:
    """Give a directory and its files to another owner, whose service's own data they are."""
    for each in (path, *path.iterdir()):
        os.chown(each, 1000, 1001)
    path.chmod(mode)


def read_directories(top: Path) -> dict[str, tuple[int, int, int]]:
    """The directories below one, each with mode, owner and group; without nfsbooted's own."""
    below = {str(path.relative_to(top)): path.stat() for path in (top, *top.rglob("*")) if path.is_dir()}
    return {name: (status.st_mode, status.st_uid, status.st_gid) for name, status in below.items()}


def name_nodes(release: Release, count: int) -> list[Node]:
    """Nodes of the release's tree, with names of their own."""
    hosts = [f"192.168.0.{101 + number} ssi{1 + number}\n" for number in range(count)]
    release.node.write("etc/hosts", "".join(hosts))
    nodes = [copy(release.node) for _ in range(count)]
    for number, node in enumerate(nodes):
        (node.tree / f"export/nodes/ssi{1 + number}").mkdir(exist_ok=True)
        for key in ("lease", "network"):
            setattr(node, key, getattr(node, key).replace("192.168.0.101", f"192.168.0.{101 + number}"))
    return nodes


def read_files(directory: Path) -> dict[str, str]:
    """The files below a directory, and their contents; without nfsbooted's own."""
    below = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_text() for name, path in below.items() if not name.startswith(".nfsbooted/")}


@pytest.mark.parametrize("seed", range(8))
def test_nodes_that_lose_their_power_while_they_begin(seed: int, release: Release) -> None:
    """After a power cut, each file in the shared directory is whole; the next boot adds the files that are missing."""
    files, chance, nodes = fill_home(release), random.Random(seed), name_nodes(release, 2)
    shared = release.node.tree / "export/all"
    cut = [node.power_on(STATUS) for node in nodes]
    for process in cut:
        time.sleep(chance.uniform(0, 0.6))
        cut_power(process)
    before = read_files(shared)
    assert before.items() <= files.items()
    written = chance.sample(sorted(before), min(3, len(before)))
    for name in written:
        (shared / name).write_text("a node's")
    assert nodes[0].says(f"{STATUS}; find /home -type f | wc -l") == "200\n"
    assert read_files(shared) == files | dict.fromkeys(written, "a node's")
    assert read_directories(shared / "home") == read_directories(release.node.tree / "home")
    assert [path.name for path in (shared / ".nfsbooted").iterdir() if ".ssi1" in path.name] == []


def test_nodes_that_fill_one_directory_at_once(release: Release) -> None:
    """Nodes that boot for the first time together all get the shared directory, with all that the tree has there."""
    files, nodes = fill_home(release), name_nodes(release, 6)
    look = "find /home -type f | wc -l; find /home -type d -exec stat -c '%i %n' {} + | sort -k 2"
    with ThreadPoolExecutor(6) as threads:
        said = list(threads.map(lambda node: node.says(f"{STATUS}; {look}"), nodes))
    shared = release.node.tree / "export/all"
    directories = sorted((shared / "home", *(shared / "home").glob("*/")))
    same = "".join(f"{path.stat().st_ino} /{path.relative_to(shared)}\n" for path in directories)
    assert said == [f"200\n{same}"] * 6
    assert read_files(shared) == files
    assert read_directories(shared / "home") == read_directories(release.node.tree / "home")


def test_shared_directory_has_the_trees_mode(release: Release) -> None:
    """A directory that nodes begin has the owner, the mode and the time of the tree's, with all that is below it."""
    home = release.node.tree / "home"
    (home / "user/empty").mkdir(parents=True)
    (home / "user/link").symlink_to("nowhere")
    for path, mode in ((home / "user/empty", 0o2770), (home / "user", 0o711), (home, 0o700)):
        path.chmod(mode)
        os.chown(path, 1000, 1001)
        os.utime(path, (5, 5))
    release.listed()
    release.says(":")
    for path in ("home", "home/user", "home/user/empty"):
        ours, theirs = (release.node.tree / top / path for top in ("", "export/all"))
        for status in ("st_mode", "st_uid", "st_gid", "st_mtime"):
            assert getattr(theirs.stat(), status) == getattr(ours.stat(), status), (path, status)
    for added in ("user/empty/new", "user/another"):
        (home / added).mkdir(exist_ok=True)
        release.listed()
        release.says(":")
        assert read_directories(release.node.tree / "export/all/home") == read_directories(home)
    assert (release.node.tree / "export/all/home/user/link").readlink() == Path("nowhere")


def run_merge(directory: Path, before: str) -> tuple[int, str, str]:
    """`merge from to` in a directory: its status and outputs.

    Ahead of each call of busybox by `merge`, the commands `before` run with the call's arguments.
    """
    stand_in = directory / "programs/busybox"
    stand_in.parent.mkdir()
    stand_in.write_text(f'#!/bin/sh\n{before}\nexec {shutil.which("busybox")} "$@"\n')
    stand_in.chmod(0o755)
    command = f". {PACKAGE}/usr/lib/nfsbooted/state.sh && merge {directory}/from {directory}/to"
    env = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "RUN": "/run/none"}
    done = subprocess.run(["sh", "-uc", command], env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("can_link", [True, False])
def test_merge_takes_the_place_of_nothing(tmp_path: Path, can_link: bool) -> None:
    """`merge` adds files with any names, and leaves alone files, links and directories that another node has made."""
    ours, theirs = tmp_path / "from", tmp_path / "to"
    for top in (ours, theirs):
        (top / "both/below").mkdir(parents=True)
    for name in ("both/below/.a b", "both/-n", "both/..c", "both/*", "both/new"):
        (ours / name).write_text("ours")
    (ours / "only/a").mkdir(parents=True)
    (ours / "only/a/file").write_text("ours")
    (ours / "both/dangling").symlink_to("nowhere")
    (theirs / "both/-n").write_text("theirs")
    (theirs / "both/*").symlink_to("nowhere")
    assert run_merge(tmp_path, ":" if can_link else '[ "$1" != ln ] || exit 1') == (0, "", "")
    assert read_files(theirs) == {
        "both/below/.a b": "ours",
        "both/-n": "theirs",
        "both/..c": "ours",
        "both/new": "ours",
        "only/a/file": "ours",
    }
    assert ((theirs / "both/*").readlink(), (theirs / "both/dangling").readlink()) == (Path("nowhere"), Path("nowhere"))


def test_merge_leaves_a_directory_that_another_node_makes_meanwhile(tmp_path: Path) -> None:
    """A directory that another node makes just before `merge` would keeps inode and mode, also if it is empty."""
    for path in ("from/empty", "from/full/below", "to"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "from/full/below/file").write_text("ours")
    other_node = f"""
for at; do :; done
case $1 in
    mkdir | mv) [ -d "$at" ] || {{ mkdir -m 700 "$at" && stat -c '%n %i' "$at" >> {tmp_path}/made; }} ;;
esac"""
    assert run_merge(tmp_path, other_node) == (0, "", "")
    found = {path: path.stat() for path in (tmp_path / "to").rglob("*") if path.is_dir()}
    assert sorted((tmp_path / "made").read_text().splitlines()) == sorted(
        f"{path} {status.st_ino}" for path, status in found.items()
    )
    assert [status.st_mode & 0o777 for status in found.values()] == [0o700] * 3
    assert read_files(tmp_path / "to") == {"full/below/file": "ours"}


@pytest.mark.parametrize("kind", ["persistent", "node"])
def test_directory_that_a_node_has_begun(release: Release, kind: str) -> None:
    """A directory that a node began before it lost its power is completed; one that somebody closed stays closed."""
    release.node.write("etc/nfsbooted/nfsbooted.conf", SETTINGS.replace("/home:persistent", f"/home:{kind}"))
    home = release.node.tree / ("export/all/home" if kind == "persistent" else "export/nodes/ssi1/home")
    files = fill_home(release)
    for name in ("1", "2", "empty3"):
        (home / name).mkdir(parents=True)
        (home / name).chmod(0o2000 if name == "2" else 0)
    (home / "2/file2").write_text("a node's")
    (home / "2/file2").chmod(0o600)
    home.chmod(0)
    release.says(":")
    assert {f"home/{name}": text for name, text in read_files(home).items()} == files | {"home/2/file2": "a node's"}
    assert read_directories(home) == read_directories(release.node.tree / "home")
    (home / "3").chmod(0)
    release.node.write("home/3/new", "second")
    release.listed()
    release.says(":")
    assert (home / "3/new").read_text() == "second"
    assert (home / "3").stat().st_mode & 0o777 == 0


def test_two_nodes_share_what_is_persistent(release: Release) -> None:
    """What one node wrote the other finds, each has its own /var, and the second node's boot takes nothing back."""
    release.says("echo hello > /home/word; echo ssi1 > /var/lib/name")
    (release.node.tree / "export/nodes/ssi2").mkdir()
    release.node.write("etc/hosts", "192.168.0.101 ssi2\n")
    assert release.says("cat /home/word; [ ! -e /var/lib/name ] && echo own").split() == ["hello", "own"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("rmdir $tree/export/nodes/ssi1", "/export/nodes/ssi1 there, and exported?"),
        ("mount -o remount,bind,ro $tree/export", "Read-only file system"),
        (
            "mount -t tmpfs -o size=4k tmpfs $tree/export; mkdir -p $tree/export/nodes/ssi1 $tree/export/all",
            "No space left",
        ),
    ],
    ids=["missing", "read-only", "full"],
)
def test_state_that_cannot_be_used(release: Release, spoil: str, words: str) -> None:
    """The node says why, boots with a /var in its memory that holds what the tree has, and its check fails."""
    release.node.spoil = spoil
    said = release.node.says(f"{STATUS}; cat /var/lib/shells.state; touch /var/lib/x; nfsbooted --check || :")
    assert said.startswith("node directory /var: ") or "\nnode directory /var: " in said
    assert words in said
    assert "first" in said
    assert "failed: /var is writable, node: it is mounted as 'tmpfs tmpfs" in said
    assert "/var in memory instead" not in said, "that worked"


def test_state_on_another_file_system(release: Release) -> None:
    """State may lie on a file system of its own, which is where it is safe from other exports."""
    release.node.spoil = "mount -t tmpfs tmpfs $tree/export; mkdir -p $tree/export/nodes/ssi1 $tree/export/all"
    assert release.says("stat -f -c %T /var; cat /var/lib/shells.state").split() == ["tmpfs", "first"]
