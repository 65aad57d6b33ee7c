"""The command `nfsroot lab`, which boots nodes of a release on a private network and checks them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from builder.cli.options import cache_at, cache_option, output_option
from builder.cli.output import write
from builder.errors import InputError

if TYPE_CHECKING:
    from builder.cache import Cache
    from builder.cli.lab_display import Display
    from builder.lab.cases.case import Case
    from builder.lab.cases.case_run import Meanwhile
    from builder.lab.machine.node import VirtualNode
    from builder.lab.released.release import Release

FAULTS = (
    "nfs-outage", "dhcp-restart", "unknown-mac", "dhcp-outage", "duplicate-mac",
    "loss-5", "loss-20", "second-network", "second-network-after", "slow-tftp", "missing-menu", "missing-kernel",
    "corrupt-initrd", "hang",
)  # fmt: skip
CHOICES = ("nodes", "firmware", "nic", "dhcp", "tftp", "server", "fault", "keep", "shell")
"""Options that contradict --matrix: a matrix chooses their values, or they are for one test case."""
NOT_OF_STORIES = (
    "firmware", "nic", "dhcp", "tftp", "matrix", "fault", "ssh_key", "state", "reboot", "keep", "shell",
)  # fmt: skip
"""Options that contradict --story: a story chooses their values, or does not use them."""
STORIES = ("update",)


@click.command("lab")
@click.argument("releases", metavar="RELEASE...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--nodes", metavar="NODES", help="Nodes to boot at once, such as ssi[1-2]. [default: the first one]")
@click.option(
    "--firmware", type=click.Choice(("bios", "uefi", "secure-boot", "uefi-http", "secure-boot-http")),
    help="Firmware of the nodes. [default: bios]",
)  # fmt: skip
@click.option(
    "--nic", type=click.Choice(("virtio-net", "e1000e", "rtl8139")),
    help="Network card of the nodes. [default: virtio-net]",
)  # fmt: skip
@click.option("--dhcp", type=click.Choice(("isc", "kea", "dnsmasq")), help="DHCP server. [default: the cluster's]")
@click.option("--tftp", type=click.Choice(("tftpd-hpa", "dnsmasq")), help="TFTP server. [default: the cluster's]")
@click.option(
    "--server", type=click.Choice(("namespace", "vm")),
    help="Kind of the server: this machine's programs in a namespace, or Debian in a virtual machine, with the "
    "kernel's NFS server if the cluster names that. With --story, vm needs the Debian package nfsroot-site in the "
    "directory of --output. [default: namespace]",
)  # fmt: skip
@click.option(
    "--matrix", type=click.Choice(("quick", "full")),
    help="Try several test cases, which together have each firmware, network card, server, release, and four nodes at "
    "once (quick), or each pair of these (full).",
)  # fmt: skip
@click.option(
    "--fault", type=click.Choice((*FAULTS, "all")), multiple=True,
    help="Make this fault and check that nodes cope with it; may be given several times.",
)  # fmt: skip
@click.option(
    "--ssh-key", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Log in on nodes with this ssh key of the recipe: a private key, or a public key whose private half is in an "
    "ssh agent.",
)  # fmt: skip
@click.option(
    "--state", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Take the nodes' state from this directory, and write it back for the next run.",
)  # fmt: skip
@click.option(
    "--reboot/--no-reboot", default=None,
    help="Reboot the first node after its checks. [default: unless --keep, --shell or --fault is given]",
)  # fmt: skip
@click.option(
    "--story", type=click.Choice(STORIES),
    help="Play a story: a server gets several releases, one after the other, while nodes run.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="With --story: print the story's steps and claims, and do nothing.")
@output_option
@cache_option
@click.option("--keep", is_flag=True, help="Leave the nodes on after the checks, until Ctrl-C.")
@click.option(
    "--shell",
    metavar="NODE",
    help="After the checks, open a shell of root on this node; the nodes are shut down when the shell ends.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    releases: tuple[Path, ...],
    nodes: str | None,
    server: str | None,
    matrix: str | None,
    fault: tuple[str, ...],
    ssh_key: Path | None,
    state: Path | None,
    reboot: bool | None,
    story: str | None,
    dry_run: bool,
    output: Path,
    cache_dir: Path | None,
    keep: bool,
    shell: str | None,
    **_in_context: str | None,
) -> None:
    """Boot nodes of the release in each directory RELEASE on a private network of this machine and check them.

    DHCP, TFTP and NFS are served from the release's own server bundle, as shipped.  The report with the
    verdict goes into lab.json and lab.html beside the manifest, and nothing that was built changes.

    \b
    Examples:
      nfsroot lab output/kerrighed/2026.01.31
      nfsroot lab output/kerrighed/2026.01.31 --nodes 'ssi[1-2]' --firmware secure-boot
      nfsroot lab output/kerrighed/2026.01.31 --shell ssi1
      nfsroot lab output/kerrighed/2026.01.31 --server vm
      nfsroot lab output/*/2026.01.31 --matrix full
      nfsroot lab output/kerrighed/2026.01.31 --fault nfs-outage --fault loss-20
      nfsroot lab output/mine/2026.01.31 output/mine/2026.02.07 --state /var/tmp/state
      nfsroot lab --story update debian-nfsroot
      nfsroot lab --story update --server vm debian-nfsroot

    Exit status: 0 when every release passed all its test cases, those of earlier runs included, else 1.
    """
    if dry_run and not story:
        raise InputError("--dry-run needs --story", resolution="Add --story.")
    cache = cache_at(cache_dir)
    if story:
        _play(context, story, releases, nodes, server, cache, output, dry_run=dry_run)

    from builder.lab.released.release import read_release

    found = [read_release(path) for path in dict.fromkeys(path.resolve() for path in releases)]
    _check_options(context, found)
    reboots = not (keep or shell or fault) if reboot is None else reboot
    if matrix:
        wanted = _choose_matrix(found, matrix, reboots)
    else:
        wanted = [(release, _choose_cases(context, release)) for release in found]
    wanted = [(release, _set_options(cases, reboots, ssh_key, state)) for release, cases in wanted]
    passed = _run(wanted, cache, keep, shell)
    if matrix == "quick":
        from builder.cli.lab_story import play_quickly

        passed &= play_quickly(found, cache, output)
    sys.exit(0 if passed else 1)


def _run(wanted: Sequence[tuple[Release, Sequence[Case]]], cache: Cache, keep: bool, shell: str | None) -> bool:
    """Run the test cases of each release, and show them; tell whether every release passed.

    :raises InputError: this machine lacks a program, or a release's directory is not writable.
    """
    from builder.cli.lab_display import display
    from builder.lab import host, run
    from builder.release.output import need_writable
    from builder.sbom.beside import sboms_beside

    for needed in {each.firmware for _, cases in wanted for each in cases}:
        host.need(needed)
    for release, _ in wanted:
        need_writable(release.directory)
    with contextlib.ExitStack() as aside:
        for release, _ in wanted:
            aside.enter_context(sboms_beside(release.directory, cache))  # a publish finds them in the cache
        shown = aside.enter_context(display())
        meanwhile = _make_meanwhile(shown, keep, shell)
        reports = [
            (release.directory, run.run(release, cases, cache, shown.emit, meanwhile)) for release, cases in wanted
        ]
        shown.summary(reports)
    return all(report.verdict == "passed" for _, report in reports)


def _play(
    context: click.Context,
    story: str,
    named: Sequence[Path],
    nodes: str | None,
    server: str | None,
    cache: Cache,
    output: Path,
    *,
    dry_run: bool,
) -> NoReturn:
    """Play a story with each release or recipe, and end this program."""
    from builder.cli import lab_story

    if given := [f"--{name.replace('_', '-')}" for name in NOT_OF_STORIES if context.params[name]]:
        raise InputError(f"--story cannot be combined with {', '.join(given)}")
    if dry_run:
        lab_story.print_scenes(story)
        sys.exit(0)
    names, virtual = _list_names(nodes, None), server == "vm"
    passed = [lab_story.play(story, str(each), names, cache, output, virtual=virtual) for each in named]
    sys.exit(0 if all(passed) else 1)


def _check_options(context: click.Context, releases: Sequence[Release]) -> None:
    """Refuse options of the command that contradict each other, or that this terminal or a release does not allow.

    :raises InputError: one of the options is refused.
    """
    from builder.lab.cases.case import need_key

    options = context.params
    if options["matrix"] and (given := [f"--{name}" for name in CHOICES if options[name]]):
        raise InputError(f"--matrix cannot be combined with {', '.join(given)}")
    if options["state"] and options["server"] == "vm":
        raise InputError("--state cannot be combined with --server vm", resolution="Leave one of the two options out.")
    if options["ssh_key"]:
        for release in releases:
            need_key(release, options["ssh_key"])
    if options["shell"] and not sys.stdin.isatty():
        raise InputError("--shell needs a terminal")


def _choose_cases(context: click.Context, release: Release) -> list[Case]:
    """Make the test cases of a release for which the options of the command ask; see `make_fault_cases`."""
    from builder.lab.cases.case import make_case, make_fault_cases
    from builder.lab.faults import select_faults
    from builder.lab.vocabulary.hardware import Firmware, Nic
    from builder.lab.vocabulary.server_kind import ServerKind
    from builder.recipe.choices import DhcpServer, TftpServer

    options = context.params
    case = make_case(
        release,
        _list_names(options["nodes"], options["shell"]),
        Firmware(options["firmware"] or "bios"),
        DhcpServer(options["dhcp"]) if options["dhcp"] else None,
        TftpServer(options["tftp"]) if options["tftp"] else None,
        Nic(options["nic"] or "virtio-net"),
        ServerKind(options["server"] or "namespace"),
    )
    return make_fault_cases(case, select_faults(options["fault"], release.recipe))


def _choose_matrix(releases: Sequence[Release], which: str, reboots: bool) -> list[tuple[Release, list[Case]]]:
    """Choose the test cases of a matrix for each release; with `reboots`, a node of each release is rebooted."""
    from builder.lab.cases import matrix
    from builder.lab.cases.case import make_case, make_offer

    choose = {"quick": matrix.choose_quick, "full": matrix.choose_full}[which]
    cases = choose([make_offer(release) for release in releases])
    minutes = matrix.forecast_seconds(cases, os.cpu_count() or 1, len(releases) if reboots else 0) / 60
    write(f"{len(cases)} test cases, about {minutes:.0f} minutes without KVM", err=True)
    return [
        (
            release,
            [
                make_case(release, case.nodes, case.firmware, case.dhcp, case.tftp, case.nic)
                for case in cases
                if case.release == str(release.directory)
            ],
        )
        for release in releases
    ]


def _set_options(cases: Sequence[Case], reboots: bool, ssh_key: Path | None, state: Path | None) -> list[Case]:
    """Add `ssh_key` and `state` to test cases; with `reboots`, the first node of the first one is rebooted."""
    every = [replace(each, ssh_key=ssh_key, state=state) for each in cases]
    return [replace(every[0], reboot=reboots), *every[1:]]


def _list_names(nodes: str | None, shell: str | None) -> list[str]:
    """List the names of the nodes for which the user asked; the node of the shell is one of them."""
    from builder.recipe.ranges import RangeError, expand

    try:
        names = expand(nodes) if nodes else []
    except RangeError as error:
        raise InputError(f"--nodes: {error}", resolution="Write names and ranges, such as ssi1,ssi[3-4].") from error
    if shell and shell not in names:
        names.append(shell)
    return list(dict.fromkeys(names))


def _make_meanwhile(shown: Display, keep: bool, shell: str | None) -> Meanwhile:
    def meanwhile(running: Sequence[VirtualNode]) -> None:
        from builder.lab.machine.shell import attach

        with shown.paused():
            for node in running:
                if node.node.name == shell:
                    attach(node)
            if keep:
                write(
                    f"{', '.join(node.node.name for node in running) or 'no node'} on; press Ctrl-C to end.", err=True
                )
                _await_interrupt()

    return meanwhile


def _await_interrupt() -> None:
    try:
        signal.pause()
    except KeyboardInterrupt:
        write("ending", err=True)
