"""What a node keeps on the server when its release changes, and what comes from the release that runs."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from node import CONF, Node

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


def test_node_that_lost_its_power_while_it_began(release: Release) -> None:
    """Files that were half written are written again at the next boot, and what a node wrote since then is not."""
    release.says("echo node > /var/lib/made")
    own = release.node.tree / OWN
    record = release.node.tree / "export/nodes/ssi1/.nfsbooted/var"
    (own / "lib/shells.state").write_text("fi")
    record.rename(record.with_name("var.todo"))
    record.with_name("var.todo").write_text("./lib/shells.state\n./lib/gone-since\n")
    assert release.says("cat /var/lib/shells.state; cat /var/lib/made") == "firstnode\n"
    assert not record.with_name("var.todo").exists()


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


def test_nodes_that_fill_one_directory_at_once(release: Release) -> None:
    """Nodes that boot for the first time together all get the shared directory, with all that the tree has there."""
    names = [f"home/user/file{number}" for number in range(300)]
    (release.node.tree / "home/user").mkdir()
    for name in names:
        release.node.write(name, name)
    release.listed()
    with ThreadPoolExecutor(6) as nodes:
        said = list(nodes.map(lambda _: release.node.says(f"{STATUS}; ls /home/user | wc -l"), range(6)))
    assert said == ["300\n"] * 6
    assert [(release.node.tree / "export/all" / name).read_text() for name in names] == names
