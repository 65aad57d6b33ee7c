"""A test case, and the conditions that a release has to meet for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from builder.errors import InputError
from builder.lab.cases.matrix import Offer
from builder.lab.checks.keys import fingerprint
from builder.lab.faults.model import BootFault, Fault, RunningFault
from builder.lab.machine.namespace import ENVIRONMENT
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import CARDS, FIRMWARE_OF_ROMS, MATRIX_NICS, Firmware, Nic
from builder.lab.vocabulary.server_kind import ServerKind
from builder.process import CommandError, output
from builder.recipe.choices import DhcpServer, NfsServer, TftpServer, Transport, Variant
from builder.recipe.models import Cluster, Node, Server
from builder.recipe.nics import ALL, expand, normalize_name


@dataclass(frozen=True)
class Case:
    """A test case: nodes that boot at once, their hardware, and a server of a kind with the daemons of `server`.

    Of `faults`, those that happen while a node boots happen to one node each, in the order of nodes; the others happen
    to the first node.  With `reboot`, the first node is rebooted at the end.  `ssh_key` is the file of a key that lets
    root log in on nodes.  The directory `state`, if given, keeps the nodes' state for another run, for example with
    another release.
    """

    nodes: tuple[Node, ...]
    firmware: Firmware
    server: Server
    nic: Nic = Nic.VIRTIO_NET
    kind: ServerKind = ServerKind.NAMESPACE
    faults: tuple[Fault, ...] = ()
    reboot: bool = False
    ssh_key: Path | None = None
    state: Path | None = None


def make_case(
    release: Release,
    names: Sequence[str],
    firmware: Firmware,
    dhcp: DhcpServer | None = None,
    tftp: TftpServer | None = None,
    nic: Nic = Nic.VIRTIO_NET,
    kind: ServerKind = ServerKind.NAMESPACE,
) -> Case:
    """Make a test case with the nodes of these names, or with the cluster's first node if there are no names.

    Without `dhcp` and `tftp`, the daemons that the cluster file names serve.  On a virtual machine the NFS server is
    the one that the cluster file names.  In a namespace it is ganesha, because the kernel's NFS server would serve this
    machine, too.

    :raises InputError: the release has no such node, no boot loader for the firmware, or no driver of the NIC; or
        QEMU's firmware cannot boot by this NIC; or the server is on another network than the nodes.
    """
    _need_one_network(release.recipe.cluster)
    nodes = {node.name: node for node in release.recipe.cluster.nodes}
    unknown = [name for name in names if name not in nodes]
    if unknown:
        raise InputError(f"the release has no node {unknown[0]}", resolution=f"Its nodes are {', '.join(nodes)}.")
    if firmware not in list_firmware(release):
        raise InputError(
            f"the release has no boot loader for firmware {firmware}",
            resolution=_describe_remedy(release, firmware),
        )
    wanted = tuple(nodes[name] for name in names or list(nodes)[:1])
    for node in wanted:
        _need_driver(release, node, nic)
    if not can_boot(firmware, nic):
        raise InputError(
            f"nodes with firmware {firmware} do not boot by the ROM of the NIC {nic}",
            resolution=f"Take the NIC {Nic.VIRTIO_NET}, for which the firmware has a driver of its own.",
        )
    own = release.recipe.cluster.server
    nfs = own.nfs if kind is ServerKind.VM else NfsServer.GANESHA
    server = own.model_copy(update={"dhcp": dhcp or own.dhcp, "tftp": tftp or own.tftp, "nfs": nfs})
    return Case(wanted, firmware, server, nic, kind)


def _need_one_network(cluster: Cluster) -> None:
    if cluster.server.address not in cluster.subnet:
        raise InputError(
            f"the lab has one network, and the server of {cluster.name} is not on the nodes' network, {cluster.subnet}",
            resolution="Try a release of the recipe for a cluster whose server is on the nodes' network.",
        )


def _need_driver(release: Release, node: Node, nic: Nic) -> None:
    driver = CARDS[nic].driver
    if not has_driver(release, node, nic):
        fix = f'Add "{driver}" to nic_drivers under [initramfs] in the recipe.'
        own = f'Write nic = "{driver}" in the cluster file, or leave nic = "{node.nic}" out.'
        what = f"the initramfs of {node.name} has no driver of the NIC {nic}"
        raise InputError(what, resolution=own if node.nic else fix)


def make_fault_cases(healthy: Case, faults: Sequence[Fault]) -> list[Case]:
    """Make the fewest test cases that try all faults, with the nodes of `healthy`.

    The faults of running nodes share one test case; each other fault has a node of its own.  Without faults, the
    result is `healthy`.
    """
    running = tuple(fault for fault in faults if isinstance(fault, RunningFault))
    booting = tuple(fault for fault in faults if isinstance(fault, BootFault))
    racks = [replace(healthy, nodes=healthy.nodes[:1], faults=running)] if running else []
    most = len(healthy.nodes)
    for start in range(0, len(booting), most):
        some = booting[start : start + most]
        racks.append(replace(healthy, nodes=healthy.nodes[: len(some)], faults=some))
    return racks or [healthy]


def need_key(release: Release, file: Path) -> None:
    """Check that an ssh key is one of the recipe's; `file` has its private or its public half.

    :raises InputError: the file is no key that can be read without a passphrase, or the key is none of the recipe's.
    """
    try:
        said = output(["ssh-keygen", "-l", "-f", str(file)], env=ENVIRONMENT)
    except CommandError as error:
        raise InputError(f"{file} is not an ssh key", details="\n".join(error.last_lines)) from error
    keys = [fingerprint(line) for line in release.recipe.login.ssh_keys]
    if said.split()[1] not in keys:
        raise InputError(
            f"{file} is not an ssh key of {release.manifest.name} {release.manifest.version}",
            resolution=f"The release takes {', '.join(keys) or 'none'}.",
        )


def make_offer(release: Release) -> Offer:
    """List the hardware and the nodes with which a matrix can try a release, which is named by its directory."""
    names = tuple(node.name for node in release.recipe.cluster.nodes)
    cards = [nic for nic in MATRIX_NICS if all(has_driver(release, node, nic) for node in release.recipe.cluster.nodes)]
    hardware = tuple(pair for pair in product(list_firmware(release), cards) if can_boot(*pair))
    return Offer(str(release.directory), hardware, names)


def can_boot(firmware: Firmware, nic: Nic) -> bool:
    """Whether firmware in QEMU can boot over the network card `nic`."""
    return nic is Nic.VIRTIO_NET or firmware in FIRMWARE_OF_ROMS


def has_driver(release: Release, node: Node, nic: Nic) -> bool:
    """Whether the initramfs that a node loads has the driver of a network card."""
    initramfs = release.recipe.initramfs
    words = expand((node.nic,) if node.nic else initramfs.nic_drivers)
    wanted = CARDS[nic].driver
    if wanted in (*words, *map(normalize_name, initramfs.modules)):
        return True
    return ALL in words and f"-{wanted}" not in words


def list_firmware(release: Release) -> tuple[Firmware, ...]:
    """List each firmware for which the release has a boot loader."""
    boot = release.recipe.boot
    signed = boot.uefi is Variant.SECURE_BOOT
    return tuple(
        firmware
        for firmware in Firmware
        if _find_loader(release, firmware) in boot.variants
        and (signed or firmware.by_pxe is not Firmware.SECURE_BOOT)
        and (boot.transport is Transport.HTTP or not firmware.over_http)
    )


def _find_loader(release: Release, firmware: Firmware) -> Variant:
    uefi = release.recipe.boot.uefi
    loaders = {Firmware.BIOS: Variant.I386_PC, Firmware.UEFI: uefi, Firmware.SECURE_BOOT: Variant.SECURE_BOOT}
    return loaders[firmware.by_pxe]


def _describe_remedy(release: Release, firmware: Firmware) -> str:
    needed = f"{_find_loader(release, firmware)} is needed"
    if firmware.over_http:
        return f'Set transport = "http", variants and uefi under [boot] in the recipe: {needed}.'
    return f"Set variants and uefi under [boot] in the recipe: {needed}."
