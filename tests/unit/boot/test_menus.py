"""Menus of the nodes, in GRUB legacy's syntax and in GRUB 2's."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from layouts import layout_of

from builder.boot.menus import common_entry, menu_entries, render
from builder.recipe.choices import RootKind, RootTransport, Transport
from builder.recipe.models import Node, Recipe
from builder.release_names import TFTP_DIRECTORY
from builder.rendered_files import RenderedFile

NFSROOT = "nfsroot=192.168.0.1:/NFSROOT/{},v3,tcp"


def texts(files: Iterable[RenderedFile]) -> dict[str, str]:
    """What is rendered, by its path below what TFTP serves."""
    return {file.path.removeprefix(f"{TFTP_DIRECTORY}/"): file.content.decode() for file in files}


def with_nodes(recipe: Recipe, count: int) -> Recipe:
    """The recipe for a cluster of `count` nodes n0, n1 ..."""
    nodes = tuple(
        Node(
            name=f"n{n}", address=IPv4Address("10.0.1.0") + n, mac=f"52:54:00:00:{n >> 8:02x}:{n & 255:02x}", ordinal=n
        )
        for n in range(count)
    )
    cluster = recipe.cluster.model_copy(update={"nodes": nodes, "subnet": IPv4Network("10.0.0.0/16")})
    return recipe.model_copy(update={"cluster": cluster})


def test_legacy_menu_is_the_pages(debian: Recipe) -> None:
    """A node's legacy menu has the page's lines in the page's order."""
    lines = texts(render(layout_of(debian)))["grub/ssi1"].splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == [
        "timeout 1",
        "title debian-nfsroot 1.0, Linux 6.12.0-1-amd64",
        "root (nd)",
        "kernel /debian-nfsroot/1.0/vmlinuz-6.12.0-1-amd64 root=/dev/nfs ip=dhcp "
        f"{NFSROOT.format('debian-nfsroot/1.0')},nocto ro panic=30 quiet BOOTIF=01-52-54-00-00-01-01",
        "initrd /debian-nfsroot/1.0/initrd.img-6.12.0-1-amd64",
    ]


def over_http(recipe: Recipe) -> Recipe:
    """The recipe whose nodes get kernel and initramfs over HTTP."""
    return recipe.model_copy(update={"boot": recipe.boot.model_copy(update={"transport": Transport.HTTP})})


def test_http_takes_the_place_of_tftp(debian: Recipe) -> None:
    """grub.cfg makes the HTTP server the place that menus' paths are relative to, and says when it does not answer."""
    rendered, plain = texts(render(layout_of(over_http(debian)))), texts(render(layout_of(debian)))
    assert 'set root="(http,192.168.0.1)"' in rendered["grub/grub.cfg"]
    assert 'echo "The server 192.168.0.1 does not answer over HTTP' in rendered["grub/grub.cfg"]
    assert "(http" not in plain["grub/grub.cfg"]
    assert {path for path in plain if rendered[path] != plain[path]} == {
        "grub/grub.cfg",
        *(f"grub/{name}" for name in ("default", "ssi1", "ssi2", "ssi3", "ssi4")),
    }
    assert rendered["grub/ssi1"] == plain["grub/ssi1"].replace("root (nd)\n", "")


def test_image_over_http_is_named_by_its_url(debian: Recipe) -> None:
    """A node that fetches its root is told the image's URL as root=, and nothing of NFS."""
    root = debian.root.model_copy(update={"kind": RootKind.IMAGE, "transport": RootTransport.HTTP})
    arguments = common_entry(layout_of(debian.model_copy(update={"root": root}))).arguments
    assert arguments == (
        "root=http://192.168.0.1/debian-nfsroot/1.0/root.squashfs",
        "ip=dhcp",
        "ro",
        "panic=30",
        "quiet",
    )


def test_both_forms_boot_the_same(kerrighed: Recipe) -> None:
    """Kernel, arguments and initramfs are those of the node's entry in both forms of its menu."""
    rendered = texts(render(layout_of(kerrighed)))
    entries = dict(menu_entries(layout_of(kerrighed)))
    assert tuple(entries) == kerrighed.cluster.nodes
    for node, entry in entries.items():
        command = f"{entry.kernel} {' '.join(entry.arguments + entry.own)}\n"
        assert f"\nkernel {command}initrd {entry.initrd}\n" in rendered[f"grub/{node.name}"]
        assert f"\n  linux {command}  initrd {entry.initrd}\n" in rendered[f"grub/{node.name}.cfg"]


def test_kerrighed_nodes_have_ids_of_their_own(kerrighed: Recipe) -> None:
    """Every Kerrighed node mounts its root rw and gets the session and its own node id: given, or its ordinal."""
    settings = kerrighed.kerrighed.model_copy(update={"session_id": 7, "node_ids": {"ssi2": 20}})
    recipe = kerrighed.model_copy(update={"kerrighed": settings})
    entries = [entry for _, entry in menu_entries(layout_of(recipe))]
    assert {entry.arguments[2:] for entry in entries} == {(NFSROOT.format("kerrighed/1.0"), "rw", "panic=30", "quiet")}
    assert [entry.own[1:] for entry in entries] == [("session_id=7", f"node_id={n}") for n in (1, 20, 3, 4)]


def with_boot(recipe: Recipe, **changes: object) -> Recipe:
    """The recipe with other settings in [boot]."""
    return recipe.model_copy(update={"boot": recipe.boot.model_copy(update=changes)})


def test_serial_console(debian: Recipe) -> None:
    """With a serial line GRUB and kernel use it beside the screen, and the kernel says everything."""
    recipe = with_boot(debian, serial="ttyS1,57600")
    rendered, plain = texts(render(layout_of(recipe))), texts(render(layout_of(debian)))
    grub = "serial --unit=1 --speed=57600\nterminal_input console serial\nterminal_output console serial\n"
    assert grub in rendered["grub/grub.cfg"]
    assert "serial" not in plain["grub/grub.cfg"]
    arguments = common_entry(layout_of(recipe)).arguments
    assert arguments[-2:] == ("console=tty0", "console=ttyS1,57600")
    assert "quiet" not in arguments


def test_panic(debian: Recipe) -> None:
    """A node whose kernel panics starts anew when the recipe says so, and what the recipe gives itself comes last."""
    kernel = debian.kernel.model_copy(update={"arguments": ("loglevel=7",)})
    assert common_entry(layout_of(with_boot(debian, panic_seconds=5))).arguments[-2:] == ("panic=5", "quiet")
    assert not [a for a in common_entry(layout_of(with_boot(debian, panic_seconds=0))).arguments if "panic" in a]
    assert common_entry(layout_of(debian.model_copy(update={"kernel": kernel}))).arguments[-2:] == (
        "quiet",
        "loglevel=7",
    )


def test_nodes_ask_dhcp_at_their_boot_nic(debian: Recipe) -> None:
    """Each node's menus name its own NIC; the default one, in the form that GRUB takes it, names what loaded GRUB."""
    rendered = texts(render(layout_of(debian)))
    for node in debian.cluster.nodes:
        nic = f" BOOTIF=01-{node.mac.replace(':', '-')}\n"
        assert [rendered[f"grub/{node.name}{form}"].count(nic) for form in ("", ".cfg")] == [1, 1]
    assert " BOOTIF=01-$mac\n" in rendered["grub/default.cfg"]
    assert "BOOTIF" not in rendered["grub/default"]
    assert 'set form=.cfg\n  set chosen="$prefix/default$form"' in rendered["grub/grub.cfg"]


def test_default_boots_where_no_node_needs_its_own_arguments(debian: Recipe) -> None:
    """Where nodes need nothing of their own, the default menus are a node's menus but for the NIC's address."""
    rendered = texts(render(layout_of(debian)))
    nic = "BOOTIF=01-52-54-00-00-01-01"
    assert rendered["grub/default"] == rendered["grub/ssi1"].replace(f" {nic}", "")
    assert rendered["grub/default.cfg"] == rendered["grub/ssi1.cfg"].replace(nic, "BOOTIF=01-$mac")


@pytest.mark.parametrize("name", ["grub/default", "grub/default.cfg"])
def test_default_boots_nothing_without_a_node_id(kerrighed: Recipe, name: str) -> None:
    """A Kerrighed node without a menu boots nothing, says what is missing and waits."""
    text = texts(render(layout_of(kerrighed)))[name]
    assert "no menu with its own node_id=" in text
    commands = {line.split()[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert commands <= {"title", "pause", "menuentry", "echo", "}"}


def test_mac_address_names_the_host(debian: Recipe) -> None:
    """A node that has no host name yet finds it by its MAC address."""
    rendered = texts(render(layout_of(debian)))
    for node in debian.cluster.nodes:
        assert rendered[f"grub/{node.mac}.cfg"].endswith(f"\nset host={node.name}\n")


def test_every_menu_says_where_it_comes_from(kerrighed: Recipe) -> None:
    """Tool, recipe and release stand in the first line of every menu, and no two have one path."""
    files = list(render(layout_of(kerrighed)))
    assert {file.content.decode().splitlines()[0] for file in files} == {
        "# Made by nfsroot 0.1.0 from kerrighed.toml, release kerrighed 1.0."
    }
    assert len({file.path for file in files}) == len(files)


def test_ten_thousand_nodes(debian: Recipe) -> None:
    """Menus of 10,000 nodes are three small files a node."""
    files = list(render(layout_of(with_nodes(debian, 10_000))))
    assert len(files) == 3 * 10_000 + 3
    assert max(len(file.content) for file in files) < 4096


@pytest.mark.server
@pytest.mark.parametrize("name", ["debian", "kerrighed"])
def test_grub_accepts_its_menus(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """grub-script-check accepts every GRUB 2 menu, and rejects one that lost its last brace."""
    checker = shutil.which("grub-script-check")
    assert checker, "grub-script-check is missing: install grub-common"
    recipe: Recipe = request.getfixturevalue(name)
    serial = with_boot(recipe, serial="ttyS0,115200")
    rendered = (*render(layout_of(recipe)), *render(layout_of(over_http(recipe))), *render(layout_of(serial)))
    menus = [file for file in rendered if file.path.endswith(".cfg")]
    assert menus
    target = tmp_path / "menu.cfg"
    for menu in menus:
        target.write_bytes(menu.content)
        subprocess.run([checker, target], check=True)
    target.write_text("menuentry 'x' {\n  echo\n")
    assert subprocess.run([checker, target], capture_output=True).returncode == 1
