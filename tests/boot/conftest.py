"""Releases, and what came of booting node ssi1 of each of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from first_boot import Boot, booted
from kernel_line import FROM_ISSUES, drawn
from recipe_texts import BOOKWORM, I386, IMAGE_OVER_HTTP, NFS_4, OVER_HTTP, OWN_UEFI_LOADER

from builder.boot.arguments import pass_legacycfg
from builder.build import build
from builder.cache import Cache
from builder.container.sandbox import Sandbox
from builder.errors import NfsrootError
from builder.lab.released.release import Release, read_release
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.choices import DhcpServer, TftpServer
from builder.recipe.load import load
from builder.recipe.search import SearchPath
from builder.workspace import Workspace

PROJECT = Path(__file__).parents[2]

ARGUMENTS = (*FROM_ISSUES, *drawn(33, 8))
"""Kernel arguments of all signs that GRUB can carry, some of which have blanks."""

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
def build_version(cache: Cache, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, str], Release]:
    """A function that builds a version of the recipe in a file, each time in a directory of its own."""

    def built(file: Path, version: str) -> Release:
        workspace = Workspace(cache, Sandbox(), tmp_path_factory.mktemp("version"), lambda _: None)
        recipe = load(str(file), SearchPath.default(PROJECT))
        return read_release(build(recipe, workspace, version=version, source_date=None, refresh=False).directory)

    return built


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
