"""Node ssi1 boots over HTTP: GRUB of a BIOS node loads kernel and initramfs over it, UEFI firmware all of it.

The root of the one is an image that comes over HTTP too, the root of the other an image on NFS.
"""

from __future__ import annotations

import shlex

import pytest
from first_boot import EVERY_CHECK, NODE, WITHOUT_KEYS, WITHOUT_LOG_SERVER, Boot, assert_fell_back, reasons
from kernel_line import by_kernel, by_loader

from builder.boot.arguments import grub2_words
from builder.lab.vocabulary.phase import Phase
from builder.release.manifest import Lab

pytestmark = pytest.mark.boot

WRITABLE = {"writable directories", "shared directories", "packages' records"}
OF_AN_IMAGE = EVERY_CHECK - {"lockdown", "reboot", "Kerrighed ids"} - WRITABLE - WITHOUT_LOG_SERVER


def kernel_and_initramfs(boot: Boot) -> int:
    """Their size in bytes."""
    found = (file for file in boot.release.manifest.files if file.path.startswith(("vmlinuz-", "initrd.img-")))
    return sum(file.size for file in found)


def test_grub_loads_over_http(image_over_http_boot: Boot) -> None:
    """A BIOS node gets GRUB and its menu over TFTP, kernel and initramfs over HTTP, and passes every check."""
    assert image_over_http_boot.wrong == []
    assert image_over_http_boot.node.loader == "/pxegrub"
    assert 0 < image_over_http_boot.node.traffic.tftp < 1_000_000


def test_image_over_http(image_over_http_boot: Boot) -> None:
    """The root is an overlay over an image that the node fetched as a whole; no NFS is spoken."""
    assert image_over_http_boot.report.verdict is Lab.PASSED
    made = reasons(image_over_http_boot)
    assert set(made) == OF_AN_IMAGE - WITHOUT_KEYS
    assert "/run/initramfs/nfsroot/export tmpfs ro" in made["root mount"]
    (image,) = image_over_http_boot.release.directory.glob("*-root.erofs")
    traffic = image_over_http_boot.node.traffic
    assert traffic.nfs == 0
    assert traffic.http > image.stat().st_size + kernel_and_initramfs(image_over_http_boot)
    assert [time.phase for time in image_over_http_boot.node.phases if time.ended > time.began] == list(Phase)


def test_serial_console(image_over_http_boot: Boot) -> None:
    """On the serial line that the recipe names GRUB, kernel and systemd say everything, and somebody may log in."""
    console = image_over_http_boot.console
    title = image_over_http_boot.release.manifest.name
    assert f"*{title} " in console
    assert "Kernel command line: BOOT_IMAGE=" in console
    assert "Welcome to" in console
    assert f"{NODE} login: " in console


def test_arguments_with_blanks(image_over_http_boot: Boot) -> None:
    """An argument with blanks, which legacycfg would take apart, reaches the kernel of a BIOS node whole."""
    boot = image_over_http_boot
    assert boot.command_line.split(" ", 1)[1] == by_loader(shlex.split(grub2_words(boot.given)))
    assert by_kernel(boot.command_line)[1:] == by_kernel(" ".join(boot.given))


def test_uefi_boots_over_http_alone(uefi_http_boot: Boot) -> None:
    """UEFI firmware that boots over HTTP reads nothing over TFTP, finds its menu and passes every check."""
    assert uefi_http_boot.wrong == []
    assert uefi_http_boot.node.loader == "/shimx64.efi"
    assert uefi_http_boot.node.traffic.http > kernel_and_initramfs(uefi_http_boot)
    assert uefi_http_boot.node.traffic.tftp == 0


def test_image_on_nfs(uefi_http_boot: Boot) -> None:
    """The root is an overlay over the release's image, of which parts are read, and takes files everywhere."""
    assert uefi_http_boot.report.verdict is Lab.PASSED
    made = reasons(uefi_http_boot)
    assert set(made) == (OF_AN_IMAGE - WITHOUT_KEYS) | {"missing-kernel"}
    assert made["root mount"].startswith("overlay / overlay rw,")
    assert made["access to the root"].startswith("taken: ")
    (image,) = uefi_http_boot.release.directory.glob("*-root.squashfs")
    assert 0 < uefi_http_boot.node.traffic.nfs < image.stat().st_size


def test_uefi_over_http_falls_back(uefi_http_boot: Boot) -> None:
    """A node boots the release before over HTTP alone, from nginx, which answers for what is missing with a page."""
    assert_fell_back(uefi_http_boot)
