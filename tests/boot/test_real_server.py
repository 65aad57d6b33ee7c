"""The README's whole procedure on a Debian server of its own, with systemd and the kernel's NFS server."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import pytest
from first_boot import NODE
from mistakes import started

from builder.cache import Cache
from builder.lab.cases.case import make_case
from builder.lab.cases.node_run import NodeRun
from builder.lab.machine.agent import Answer
from builder.lab.rack.rack import Rack
from builder.lab.released.release import Release
from builder.lab.server.vm.virtual_server import VirtualServer
from builder.lab.vocabulary.hardware import Firmware
from builder.lab.vocabulary.server_kind import PATIENCE, ServerKind
from builder.server.procedure import OLD, Procedure, procedure

pytestmark = [pytest.mark.boot, pytest.mark.alone, pytest.mark.full]

SETTINGS = """\
sha256sum /etc/dhcp/dhcpd.conf /etc/default/isc-dhcp-server /srv/tftp/grub/grub.cfg
grep -E --max-count=1 '^(kernel|  linux) ' /srv/tftp/grub/*
"""
"""Shows settings, and of each menu what it boots; what it falls back to is another matter."""

CHANGED = "find /etc /srv /var/backups -newer /run/before ! -path '/etc/exports.d' | sort"
IN_THE_BUNDLE = "cd /root/{}-server && {}"


@dataclass
class Story:
    """What a server said while releases came and went, and the node that booted after it was started anew."""

    node: NodeRun | None = None
    said: dict[str, str] = field(default_factory=dict)

    def tell(self, running: Rack, name: str, script: str) -> None:
        """Keep what a script of sh(1) says on the server, which must succeed."""
        self.said[name] = fine(running.run_on_server(["sh", "-euc", script]))


def fine(answer: Answer) -> str:
    """What was answered; it was no failure."""
    assert answer.status == 0, answer.text
    return answer.text


@pytest.fixture(scope="module")
def first(release_to_boot: Callable[[str], Release]) -> Release:
    """A release whose nodes share a read-only root."""
    return release_to_boot("debian-nfsroot")


@pytest.fixture(scope="module")
def second(release_to_boot: Callable[[str], Release], first: Release) -> Release:
    """Another release for the same cluster; the archives of both are in the first one's directory."""
    other = release_to_boot("kerrighed")
    os.link(other.server_bundle, first.directory / other.server_bundle.name)
    return replace(other, directory=first.directory)


@pytest.fixture(scope="module")
def story(first: Release, second: Release, tmp_path_factory: pytest.TempPathFactory, cache: Cache) -> Story:
    """Install, start the server anew, boot a node; then install another release while the node runs, and go back."""
    told, steps, other = Story(), commands(first), commands(second)
    again = IN_THE_BUNDLE.format(stem(first), steps.install[-1])
    directory = tmp_path_factory.mktemp("real") / "rack"
    with started(first, directory, cache, ServerKind.VM) as running, ExitStack() as powered:
        server = running.server_machine
        assert isinstance(server, VirtualServer)
        told.tell(running, "again", f"touch /run/before; sleep 1; {again}; {CHANGED}")
        server.reboot()
        server.start()
        (node,) = make_case(first, [NODE], Firmware.BIOS).nodes
        told.node = NodeRun(running, node, Firmware.BIOS, PATIENCE[ServerKind.VM], lambda _: None)
        told.node.run(powered)
        told.tell(running, "before", SETTINGS)
        told.tell(running, "install", "; ".join(("set -e", "cd /root", *other.unpack[:1], *other.install)))
        told.tell(running, "exported", "exportfs -s")
        told.tell(running, "between", SETTINGS)
        assert told.node.virtual is not None
        told.said["node"] = fine(told.node.virtual.ask("date >/var/written && cat /var/written /etc/debian_version"))
        told.tell(running, "back", again)
        told.tell(running, "after", SETTINGS)
        told.tell(running, "remove", "set -e; " + "; ".join(other.remove).replace(OLD, second.manifest.version))
        told.tell(running, "left", "exportfs -s; find /srv/tftp /NFSROOT -maxdepth 2")
        told.node.finish(powered)
    return told


def commands(release: Release) -> Procedure:
    """What the README of a release says."""
    return procedure(release.layout, release.recipe.cluster.server)


def stem(release: Release) -> str:
    """NAME-VERSION."""
    return release.layout.name


def test_node_boots_from_a_server_that_was_started_anew(story: Story) -> None:
    """After a start of the server all its services serve by themselves, and the node passes every check."""
    assert story.node is not None
    assert story.node.stopped is None
    assert [result for result in story.node.results if not result.passed] == []
    assert story.node.passed


def test_second_run_changes_nothing(story: Story) -> None:
    """install.sh says so, and no file is newer than it was."""
    assert story.said["again"] == "Everything is in place; nothing was changed."


def test_second_release_leaves_the_first_its_root(story: Story, first: Release, second: Release) -> None:
    """Both releases are exported, new nodes would boot the new one, and a node of the old one reads and writes on."""
    assert story.said["between"] != story.said["before"]
    for release in (first, second):
        assert f"{release.manifest.server_directory} " in story.said["exported"]
    assert len(story.said["node"].splitlines()) == 2


def test_going_back_is_one_command(story: Story) -> None:
    """The older bundle's install.sh puts every setting back as it was, and has every menu boot what it booted.

    DHCP is restarted because the two releases have other boot loaders, and nothing else is.
    """
    assert story.said["after"] == story.said["before"]
    assert "Back to those of before: ln -sfT .grub/" in story.said["back"]
    for said in (story.said["install"], story.said["back"]):
        restarted = [line for line in said.splitlines() if line.startswith("Restarted")]
        assert restarted == ["Restarted isc-dhcp-server."]


def test_a_release_is_removed_by_the_readme(story: Story, first: Release, second: Release) -> None:
    """Its exports and files are gone, and those of the other release stay."""
    assert second.manifest.server_directory not in story.said["left"]
    assert f"{first.manifest.server_directory} " in story.said["left"]
