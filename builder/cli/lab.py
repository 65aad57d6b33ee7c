"""`nfsroot lab`: boot a release before anybody else does."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from builder.cli.options import cache_at, cache_option
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cli.lab_display import Display
    from builder.lab.node import VirtualNode
    from builder.lab.run import Meanwhile


@click.command("lab")
@click.argument("release", type=click.Path(path_type=Path))
@click.option("--nodes", metavar="NODES", help="Nodes to boot at once, such as ssi[1-2]. [default: the first one]")
@click.option(
    "--firmware", type=click.Choice(("bios", "uefi", "secure-boot")), default="bios", show_default=True,
    help="What nodes start with.",
)  # fmt: skip
@click.option("--dhcp", type=click.Choice(("isc", "kea", "dnsmasq")), help="What serves DHCP. [default: the cluster's]")
@click.option("--tftp", type=click.Choice(("tftpd-hpa", "dnsmasq")), help="What serves TFTP. [default: the cluster's]")
@cache_option
@click.option("--keep", is_flag=True, help="Leave the nodes on until Ctrl-C.")
@click.option("--shell", metavar="NODE", help="Give root's shell on a node that runs; the trial ends with it.")
def command(
    release: Path,
    nodes: str | None,
    firmware: str,
    dhcp: str | None,
    tftp: str | None,
    cache_dir: Path | None,
    keep: bool,
    shell: str | None,
) -> None:
    """Boot nodes of the release in directory RELEASE on a private network of this machine and check them.

    DHCP, TFTP and NFS are served from the release's own server bundle, as shipped.  The verdict goes into the
    release's manifest, the report into lab.json and lab.html beside it.

    \b
    Examples:
      nfsroot lab output/kerrighed/2026.01.31
      nfsroot lab output/kerrighed/2026.01.31 --nodes 'ssi[1-2]' --firmware secure-boot
      nfsroot lab output/kerrighed/2026.01.31 --shell ssi1

    Exit status: 0 when every node passed every check, else 1.
    """
    from builder.cli.lab_display import display
    from builder.lab import host, run
    from builder.lab.qemu import Firmware
    from builder.lab.release import read
    from builder.recipe.models import DhcpServer, TftpServer

    served_by = (DhcpServer(dhcp) if dhcp else None, TftpServer(tftp) if tftp else None)
    wanted = run.request(read(release), _names(nodes, shell), Firmware(firmware), *served_by)
    if shell and not sys.stdin.isatty():
        raise InputError("--shell needs a terminal")
    host.need(wanted.firmware)
    with display() as shown:
        report = run.run(read(release), wanted, cache_at(cache_dir), shown.emit, _meanwhile(shown, keep, shell))
        shown.summary(report, release)
    sys.exit(0 if report.verdict == "passed" else 1)


def _names(nodes: str | None, shell: str | None) -> list[str]:
    """The nodes asked for, the one of the shell among them."""
    from builder.recipe.ranges import RangeError, expand

    try:
        names = expand(nodes) if nodes else []
    except RangeError as error:
        raise InputError(f"--nodes: {error}", resolution="Write names and ranges, such as ssi1,ssi[3-4].") from error
    if shell and shell not in names:
        names.append(shell)
    return list(dict.fromkeys(names))


def _meanwhile(shown: Display, keep: bool, shell: str | None) -> Meanwhile:
    def meanwhile(running: Sequence[VirtualNode]) -> None:
        from builder.lab.shell import attach

        with shown.paused():
            for node in running:
                if node.node.name == shell:
                    attach(node)
            if keep:
                click.echo(f"{', '.join(node.node.name for node in running) or 'No node'} on; Ctrl-C ends.", err=True)
                _await_interrupt()

    return meanwhile


def _await_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("ending", err=True)
