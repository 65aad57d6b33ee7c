"""The commands that an administrator runs on the server: the bundle's README lists them, the lab runs them."""

from __future__ import annotations

from typing import NamedTuple

from builder.layout import Layout
from builder.recipe.choices import NfsServer
from builder.recipe.models import Server
from builder.server import root
from builder.server.settings import chosen
from builder.settings.programs import Program

CHECKER = "grub-common"
"""The package with grub-script-check, by which install.sh checks the menus."""

OLD = "OLD"
"""A placeholder for the version of a release that is to be removed."""

GENERATION = "GENERATION"
"""A placeholder for one of the directories that `ls` names, each of which holds the menus of a release."""


class Procedure(NamedTuple):
    """Commands of root's shell, one tuple for each section of the README.

    `packages` are the Debian packages that the server needs.  `unpack` and `install` are typed in one directory, which
    holds the release's two archives.  `look` fails unless all services run.  `back` gives nodes the menus of before.
    """

    packages: tuple[str, ...]
    unpack: tuple[str, ...]
    install: tuple[str, ...]
    look: tuple[str, ...]
    back: tuple[str, ...]
    remove: tuple[str, ...]
    stale: tuple[str, ...]


def procedure(layout: Layout, server: Server) -> Procedure:
    """The commands for a release on a server with the programs that `server` names; the bundle has their settings."""
    recipe, bundle, old = layout.recipe, f"{layout.name}-server", layout._replace(version=OLD)
    running = chosen(recipe, server)
    services = dict.fromkeys(program.service for program in running)
    install = " ".join(("./install.sh", *_options(chosen(recipe, recipe.cluster.server), running)))
    return Procedure(
        packages=(*dict.fromkeys(program.package for program in running), CHECKER, "zstd"),
        unpack=root.commands(layout),
        install=(
            f"mkdir {bundle}",
            f"tar -xzf {layout.bundle_file} -C {bundle}",
            f"cd {bundle}",
            f"{install} --dry-run",
            install,
        ),
        look=(
            f"systemctl status {' '.join(services)}",
            *(("exportfs -v",) if recipe.needs_nfs and server.nfs is NfsServer.KERNEL else ()),
            f"ls /srv/tftp/grub {layout.server_directory}",
        ),
        back=("ls -v /srv/tftp/.grub", f"ln -sfT .grub/{GENERATION} /srv/tftp/grub"),
        remove=(
            *(_stop_exporting(old.name, server) if recipe.needs_nfs else ()),
            f"rm -r {' '.join(root.directories(old))}",
        ),
        stale=(
            ("exportfs -ra", "systemctl restart nfs-kernel-server")
            if server.nfs is NfsServer.KERNEL
            else ("systemctl restart nfs-ganesha",)
        ),
    )


def _options(usual: tuple[Program, ...], running: tuple[Program, ...]) -> list[str]:
    """The options for install.sh: each program that is not the usual one."""
    names = {program.role: program.name for program in usual}
    return [f"--{program.role} {program.name}" for program in running if names[program.role] != program.name]


def _stop_exporting(release: str, server: Server) -> tuple[str, ...]:
    if server.nfs is NfsServer.KERNEL:
        return (f"rm /etc/exports.d/{release}.exports", "exportfs -ra")
    return (f"rm /etc/ganesha/exports.d/{release}.conf", "systemctl restart nfs-ganesha")
