"""QEMU's command line for the server."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from builder.lab.server.vm.hardware import MAC, ServerHardware
from builder.lab.vocabulary.hardware import Accelerator
from builder.recipe.models import Recipe


def hardware(recipe: Recipe, **server: object) -> ServerHardware:
    """The server of the recipe's cluster, with other values in its table."""
    cluster = recipe.cluster.model_copy(update={"server": recipe.cluster.server.model_copy(update=server)})
    at, log = Path("/lab/nfsserver"), Path("/lab/servers/server.log")
    return ServerHardware(cluster, Path("/server"), Path("/release"), at, log, (at / "oem-string",), Accelerator.TCG)


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
    assert option(argv, "-netdev") == ["tap,id=net,ifname=server,script=no,downscript=no"]
    assert f"virtio-net-pci,netdev=net,mac={MAC},romfile=" in option(argv, "-device")
    assert int(MAC[:2], 16) & 2, "administered locally"


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
    assert f"ifname={used}:{MAC}" in words
    assert f'"ip=192.168.0.1::{gateway}:255.255.255.0::{used}:none"' in words
    assert "systemd.hostname=nfsserver" in words
