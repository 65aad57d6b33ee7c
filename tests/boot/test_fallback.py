"""A node whose menu names a kernel that is not on the server boots the release that it had before.

Menus are links to a generation of them, made by install.sh as each release ships it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import booted
from first_boot import Boot, reasons

from builder.cache import Cache
from builder.lab.released.release import Release
from builder.lab.vocabulary.hardware import Firmware

pytestmark = pytest.mark.boot

OWN_LOADER = """\
[boot]
uefi = "x86_64-efi"
"""


def assert_fell_back(boot: Boot) -> None:
    """The node asked for the kernel of the release after its own in vain, and passed every check of its own."""
    assert boot.wrong == []
    assert reasons(boot)["missing-kernel"].startswith("the node booted: ")
    assert f"/{boot.release.manifest.version}" in boot.command_line


def test_bios(bookworm_boot: Boot) -> None:
    """By BIOS, from a menu in GRUB legacy's syntax and tftpd-hpa."""
    assert_fell_back(bookworm_boot)


def test_secure_boot(secure_boot: Boot) -> None:
    """With Secure Boot enforced, from a menu in GRUB 2's syntax and dnsmasq."""
    assert_fell_back(secure_boot)


def test_uefi_over_http(uefi_http_boot: Boot) -> None:
    """By UEFI over HTTP alone, from nginx, which answers for what is missing with a page."""
    assert_fell_back(uefi_http_boot)


@pytest.mark.full  # of what is together here, UEFI falls back in two tests above, and a menu in this syntax in one
def test_uefi(variant_to_boot: Callable[..., Release], cache: Cache) -> None:
    """By UEFI and GRUB as we link it, from a menu in GRUB legacy's syntax."""
    release = variant_to_boot("boot-fallback", OWN_LOADER)
    assert_fell_back(booted(release, cache, Firmware.UEFI, faults=["missing-kernel"]))
