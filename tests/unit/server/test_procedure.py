"""What an administrator is told to do, wherever that is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from layouts import layout_of
from server_recipes import texts, with_server

from builder.recipe.choices import DhcpServer, NfsServer, TftpServer
from builder.recipe.models import Recipe
from builder.server.bundle import render
from builder.server.procedure import Procedure, procedure

PROJECT = Path(__file__).parents[3]
HOW_TO = PROJECT / "docs/how-to/install-on-the-server.md"
README = PROJECT / "README.md"
SITE_HOW_TO = PROJECT / "docs/how-to/set-up-a-server.md"
TUTORIAL = PROJECT / "docs/tutorial/first-cluster.md"


def sections(found: Procedure) -> dict[str, tuple[str, ...]]:
    """The commands of each section; of the packages, the one that installs them."""
    every = found._asdict()
    return every | {"packages": (f"apt install {' '.join(found.packages)}",)}


@pytest.mark.parametrize("nfs", NfsServer)
def test_readme_has_every_command_in_order(kerrighed: Recipe, nfs: NfsServer) -> None:
    """The bundle's README tells each section's commands together, as they are to be typed."""
    recipe = with_server(kerrighed, nfs=nfs)
    readme = texts(render(layout_of(recipe)))["README"]
    for commands in sections(procedure(layout_of(recipe), recipe.cluster.server)).values():
        assert "\n\n" + "".join(f"    {command}\n" for command in commands) + "\n" in readme


def test_how_to_has_every_command(kerrighed: Recipe) -> None:
    """The how-to tells the same commands, in the order of the sections."""
    text = HOW_TO.read_text()
    found = sections(procedure(layout_of(kerrighed, "VERSION"), kerrighed.cluster.server))
    places = [text.index(f"\n{command}\n") for name in ("packages", "unpack", "install") for command in found[name]]
    assert places == sorted(places)
    for name in ("back", "remove", "look"):
        assert all(command in text for command in found[name] if not command.startswith("ls "))


def test_tutorial_has_every_command(kerrighed: Recipe) -> None:
    """The tutorial tells how a release is installed, in one block as it is to be typed."""
    found = procedure(layout_of(kerrighed, "VERSION"), kerrighed.cluster.server)
    commands = "".join(f"    {command}\n" for command in (*found.unpack, *found.install))
    assert commands.replace("kerrighed", "lab") + "\n" in TUTORIAL.read_text()


def test_readme_has_the_commands_of_the_how_to() -> None:
    """Each command of nfsroot-site in the README's chapter on the server stands in the how-to, too."""
    chapter = README.read_text().partition("\n## On the server\n")[2].partition("\n## ")[0]
    commands = [line.strip() for line in chapter.splitlines() if line.startswith("    nfsroot-site ")]
    assert len(commands) == 4
    how_to = SITE_HOW_TO.read_text()
    assert [command for command in commands if f"\n    {command}\n" not in how_to] == []


def test_other_servers_are_named_to_the_installer(kerrighed: Recipe) -> None:
    """Programs that the recipe does not name are options of install.sh, and their packages and services are told."""
    other = {"dhcp": DhcpServer.DNSMASQ, "tftp": TftpServer.DNSMASQ, "nfs": NfsServer.GANESHA}
    found = procedure(layout_of(kerrighed), kerrighed.cluster.server.model_copy(update=other))
    options = "--dhcp dnsmasq --tftp dnsmasq --nfs ganesha"
    assert found.install[-2:] == (f"./install.sh {options} --dry-run", f"./install.sh {options}")
    assert found.packages == ("dnsmasq", "nfs-ganesha-vfs", "grub-common", "zstd")
    assert found.look[0] == "systemctl status dnsmasq nfs-ganesha"
    assert "exportfs" not in " ".join((*found.look, *found.remove, *found.stale))


def test_usual_servers_need_no_option(kerrighed: Recipe) -> None:
    """The programs that the recipe names are installed without a word."""
    assert procedure(layout_of(kerrighed), kerrighed.cluster.server).install[-1] == "./install.sh"
