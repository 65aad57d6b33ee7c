"""Releases, and what came of booting node ssi1 of each of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from first_boot import NODE, Boot
from kernel_line import FROM_ISSUES, drawn

from builder.boot.arguments import pass_legacycfg
from builder.cache import Cache
from builder.errors import NfsrootError
from builder.lab.cases.case import make_case as ask_for
from builder.lab.faults import select_faults
from builder.lab.machine.node import VirtualNode
from builder.lab.released.release import Release, read_release
from builder.lab.run import run
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.choices import DhcpServer, TftpServer

OWN_UEFI_LOADER = """\
[boot]
uefi = "x86_64-efi"
[login]
ssh_keys = ["{key}"]
[kernel]
arguments = {arguments}
"""
"""UEFI nodes load pxegrub.efi instead of the signed chain, and somebody may log in."""

LOGS = """\
[logs]
server = "cluster"
"""
"""Nodes send what they log to the cluster's server."""

NFS_4 = f"""\
{LOGS}
[root]
nfs_version = 4
"""
"""Nodes mount their root and their shared directories by NFSv4."""

OVER_HTTP = """\
[boot]
transport = "http"
"""
"""Nodes load over HTTP."""

IMAGE_OVER_HTTP = f"""\
{OVER_HTTP}
serial = "ttyS0,115200"
[root]
transport = "http"
format = "erofs"
"""
"""Nodes fetch all that they need over HTTP, and speak on a serial line; the image is of the other format."""

ARGUMENTS = (*FROM_ISSUES, *drawn(33, 8))
"""Kernel arguments of all signs that GRUB can carry, some of which have blanks."""

BOOKWORM = f"""\
{LOGS}
[debian]
suite = "bookworm"
"""

I386 = """\
[debian]
suite = "bookworm"
architecture = "i386"
[boot]
variants = ["i386-pc"]
"""

HALF_UPDATED = "it was altered, or is being updated"
"""What a build says of a mirror whose files are not those of its signed lists."""

DNSMASQ = (DhcpServer.DNSMASQ, TftpServer.DNSMASQ)


@pytest.fixture(scope="session")
def release_to_boot(
    build_release: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Release]:
    """Gives a recipe's release in a directory of its own: a lab leaves its verdict there, by renaming files."""

    def copied(recipe: str) -> Release:
        release = build_release(recipe)
        directory = tmp_path_factory.mktemp("release") / release.parent.name / release.name
        shutil.copytree(release, directory, copy_function=os.link)
        return read_release(directory)

    return copied


@pytest.fixture(scope="session")
def variant_to_boot(
    release_to_boot: Callable[[str], Release], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Release]:
    """Gives the release, again in a directory of its own, of a recipe that says `text` and else what `base` says."""

    def extended(name: str, text: str, base: str = "debian-nfsroot") -> Release:
        recipe = tmp_path_factory.mktemp("recipes") / f"{name}.toml"
        recipe.write_text(f'extends = "{base}"\nimage.name = "{name}"\n{text}')
        return release_to_boot(str(recipe))

    return extended


@pytest.fixture(scope="session", params=["debian-nfsroot", "kerrighed"])
def release(request: pytest.FixtureRequest, release_to_boot: Callable[[str], Release]) -> Release:
    """The release of each recipe."""
    return release_to_boot(request.param)


@pytest.fixture(scope="session")
def boot(release: Release, cache: Cache) -> Boot:
    """Node ssi1 booted by BIOS, from its own release's servers, and checked; on a Kerrighed recipe twice.

    Each recipe's has another network card, and neither the one that most other tests have.
    """
    if release.recipe.kerrighed:
        return booted(release, cache, Firmware.BIOS, nic=Nic.E1000E, reboot=True)
    return booted(release, cache, Firmware.BIOS, nic=Nic.RTL8139)


@pytest.fixture(scope="session")
def uefi_boot(variant_to_boot: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory, cache: Cache) -> Boot:
    """Node ssi1 booted by UEFI over Kea, with GRUB as we link it, from a recipe with an ssh key.

    Another network's NIC, on which DHCP answers too, is in the slot before its boot NIC.
    """
    key = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    arguments = json.dumps(list(filter(lambda argument: pass_legacycfg([argument]), ARGUMENTS)))
    text = OWN_UEFI_LOADER.format(key=key.with_suffix(".pub").read_text().strip(), arguments=arguments)
    release = variant_to_boot("boot-uefi", text)
    return booted(release, cache, Firmware.UEFI, DhcpServer.KEA, ssh_key=key, faults=["second-network"])


@pytest.fixture(scope="session")
def secure_boot(variant_to_boot: Callable[..., Release], cache: Cache) -> Boot:
    """Node ssi1 booted with Secure Boot enforced, from dnsmasq and a server that speaks no NFS but version 4.

    The kernel of the release that its menu names first is missing.
    """
    release = variant_to_boot("boot-nfs4", NFS_4)
    return booted(release, cache, Firmware.SECURE_BOOT, *DNSMASQ, faults=["missing-kernel"])


@pytest.fixture(scope="session")
def bookworm_boot(variant_to_boot: Callable[..., Release], cache: Cache) -> Boot:
    """Node ssi1 booted by BIOS, with the Linux, systemd and sshd of Debian 12.

    The kernel of the release that its menu names first is missing.
    """
    return booted(variant_to_boot("boot-bookworm", BOOKWORM), cache, Firmware.BIOS, faults=["missing-kernel"])


@pytest.fixture(scope="session")
def i386_boot(variant_to_boot: Callable[..., Release], cache: Cache) -> Boot:
    """Node ssi1 booted by BIOS, with the kernel and the programs of Debian 12 for i386.

    Mirrors have fewer users of i386, and are now and then left half updated.
    """
    try:
        release = variant_to_boot("boot-i386", I386)
    except NfsrootError as error:
        if HALF_UPDATED not in error.brief:
            raise
        pytest.skip(str(error))
    return booted(release, cache, Firmware.BIOS)


@pytest.fixture(scope="session")
def uefi_http_boot(variant_to_boot: Callable[..., Release], cache: Cache) -> Boot:
    """Node ssi1 of a recipe whose root is an image on NFS, booted by UEFI firmware over HTTP, told where by Kea.

    The kernel of the release that its menu names first is missing.
    """
    release = variant_to_boot("boot-http", OVER_HTTP, "debian-image")
    return booted(release, cache, Firmware.UEFI_HTTP, DhcpServer.KEA, faults=["missing-kernel"])


@pytest.fixture(scope="session")
def image_over_http_boot(variant_to_boot: Callable[..., Release], cache: Cache) -> Boot:
    """Node ssi1 booted by BIOS, with GRUB over TFTP and all else over HTTP: a server without NFS."""
    text = f"{IMAGE_OVER_HTTP}[kernel]\narguments = {json.dumps(ARGUMENTS)}\n"
    return booted(variant_to_boot("boot-image-http", text, "debian-image"), cache, Firmware.BIOS)


def booted(
    release: Release,
    cache: Cache,
    firmware: Firmware,
    dhcp: DhcpServer | None = None,
    tftp: TftpServer | None = None,
    nic: Nic = Nic.VIRTIO_NET,
    *,
    reboot: bool = False,
    ssh_key: Path | None = None,
    faults: Sequence[str] = (),
    questions: Sequence[str] = (),
    state: Path | None = None,
) -> Boot:
    """What came of a lab with the release's first node, which is asked the questions, scripts of sh(1), as it runs."""
    wanted = replace(
        ask_for(release, [NODE], firmware, dhcp, tftp, nic),
        reboot=reboot,
        ssh_key=ssh_key,
        state=state,
        faults=select_faults(faults, release.recipe),
    )
    looked: dict[str, str] = {}
    answers: dict[str, str] = {}

    def look(nodes: Sequence[VirtualNode]) -> None:
        for virtual in nodes:
            looked["screen"] = virtual.ask("cat /dev/vcs1").text
            looked["command_line"] = virtual.ask("cat /proc/cmdline").text
            looked["console"] = (virtual.directory / "console.log").read_text(errors="replace")
            answers.update({question: virtual.ask(question).text for question in questions})

    return Boot(release, run(release, [wanted], cache, lambda _: None, look), answers=answers, **looked)
