"""QEMU's command line for the server."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from builder.lab.server.vm.hardware import ServerHardware, name_mac
from builder.lab.vocabulary.hardware import Accelerator
from builder.recipe.models import Recipe


def hardware(recipe: Recipe, **server: object) -> ServerHardware:
    """The server of the recipe's cluster, with other values in its table."""
    cluster = recipe.cluster.model_copy(update={"server": recipe.cluster.server.model_copy(update=server)})
    at, log = Path("/lab/nfsserver"), Path("/lab/servers/server.log")
    image, share, strings = Path("/server"), Path("/release"), (at / "oem-string",)
    return ServerHardware((cluster,), image, share, at, log, strings, Accelerator.TCG)


def option(argv: list[str], name: str) -> list[str]:
    """Every value that the option was given."""
    return [value for key, value in pairwise(argv) if key == name]


def test_what_the_server_writes_is_forgotten(kerrighed: Recipe) -> None:
    """The disk of the cache and the release are only read."""
    argv = hardware(kerrighed).arguments()
    assert option(argv, "-drive") == ["file=/server/disk.ext4,format=raw,if=virtio,snapshot=on"]
    assert option(argv, "-fsdev") == ["local,id=share,path=/release,security_model=none,readonly=on"]
    assert option(argv, "-kernel") + option(argv, "-initrd") == ["/server/vmlinuz", "/server/initrd.img"]


def test_the_server_is_on_the_nodes_network(kerrighed: Recipe) -> None:
    """Its card is at the bridge's port for it, and no node has its MAC address."""
    argv = hardware(kerrighed).arguments()
    assert option(argv, "-netdev") == ["tap,id=net0,ifname=server,script=no,downscript=no"]
    assert f"virtio-net-pci,netdev=net0,mac={name_mac(0)},romfile=" in option(argv, "-device")
    assert int(name_mac(0)[:2], 16) & 2, "administered locally"


def test_the_server_answers_the_lab(kerrighed: Recipe) -> None:
    """It has the agent's port and its credential, and writes its log to a file."""
    argv = hardware(kerrighed).arguments()
    assert option(argv, "-smbios") == ["type=11,path=/lab/nfsserver/oem-string"]
    assert any("agent.sock" in value for value in option(argv, "-chardev"))
    assert option(argv, "-serial") == ["file:/lab/servers/server.log"]


@pytest.mark.parametrize(("given", "used"), [("", "eth0"), ("lan0", "lan0")])
def test_the_server_has_the_clusters_address(kerrighed: Recipe, given: str, used: str) -> None:
    """The kernel line names the card and gives it the address, in quotes that hide it from the initramfs."""
    words = hardware(kerrighed, interface=given).command_line().split()
    gateway = kerrighed.cluster.gateway or ""
    assert f"ifname={used}:{name_mac(0)}" in words
    assert f'"ip=192.168.0.1::{gateway}:255.255.255.0::{used}:none"' in words
    assert "systemd.hostname=nfsserver" in words


def test_a_server_of_two_clusters(kerrighed: Recipe) -> None:
    """The server has a card, a MAC address and an address for each of its clusters, and the name of the first."""
    one = hardware(kerrighed)
    second = one.clusters[0].model_copy(
        update={"server": one.clusters[0].server.model_copy(update={"name": "other", "interface": ""})}
    )
    both = replace(one, clusters=(*one.clusters, second))
    cards = option(both.arguments(), "-netdev")
    assert [card.split(",")[2] for card in cards] == ["ifname=server", "ifname=server1"]
    words = both.command_line().split()
    assert f"ifname=eth1:{name_mac(1)}" in words
    assert name_mac(0) != name_mac(1)
    assert len([word for word in words if word.startswith('"ip=')]) == 2
    assert "systemd.hostname=nfsserver" in words


def test_a_disk_whose_power_can_be_cut(kerrighed: Recipe) -> None:
    """The disk comes from the lab's socket, and QEMU passes the server's flushes on."""
    argv = replace(hardware(kerrighed), disk=Path("/lab/disk.sock")).arguments()
    (drive,) = option(argv, "-drive")
    assert "file.server.path=/lab/disk.sock" in drive
    assert "cache" not in drive
    assert "snapshot" not in drive
