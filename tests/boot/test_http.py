"""Node ssi1 boots over HTTP: GRUB of a BIOS node loads kernel and initramfs over it, UEFI firmware all of it."""

from __future__ import annotations

import pytest
from first_boot import Boot

pytestmark = pytest.mark.boot


def kernel_and_initramfs(boot: Boot) -> int:
    """Their size in bytes."""
    found = (file for file in boot.release.manifest.files if file.path.startswith(("vmlinuz-", "initrd.img-")))
    return sum(file.size for file in found)


def test_grub_loads_over_http(http_boot: Boot) -> None:
    """A BIOS node gets GRUB and its menu over TFTP, kernel and initramfs over HTTP, and passes every check."""
    assert http_boot.wrong == []
    assert http_boot.node.loader == "/pxegrub"
    assert http_boot.node.traffic.http > kernel_and_initramfs(http_boot)
    assert 0 < http_boot.node.traffic.tftp < 1_000_000


def test_uefi_boots_over_http_alone(uefi_http_boot: Boot) -> None:
    """UEFI firmware that boots over HTTP reads nothing over TFTP, finds its menu and passes every check."""
    assert uefi_http_boot.wrong == []
    assert uefi_http_boot.node.loader == "/shimx64.efi"
    assert uefi_http_boot.node.traffic.http > kernel_and_initramfs(uefi_http_boot)
    assert uefi_http_boot.node.traffic.tftp == 0
