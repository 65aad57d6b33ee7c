"""Releases of Debian 12 boot as those of Debian 13 do, from the same servers and boot loaders.

The other tests boot releases of Debian 13 for amd64: together these are all of `builder.recipe.suites`.
"""

from __future__ import annotations

import pytest
from first_boot import Boot, assert_fell_back

from builder.lab.vocabulary.hardware import Nic

pytestmark = pytest.mark.boot


def test_bookworm_passes_every_check(bookworm_boot: Boot) -> None:
    """Debian 12's kernel, which has virtio's bus as a module, finds its card, and the node passes every check."""
    assert bookworm_boot.wrong == []
    assert bookworm_boot.release.manifest.kernel_version.startswith("6.1.")
    assert bookworm_boot.report.cells[0].nic is Nic.VIRTIO_NET


def test_bios_falls_back(bookworm_boot: Boot) -> None:
    """A node boots the release before by BIOS, from a menu in GRUB legacy's syntax and tftpd-hpa."""
    assert_fell_back(bookworm_boot)


@pytest.mark.full
def test_i386_passes_every_check(i386_boot: Boot) -> None:
    """A node with Debian 12 for i386, whose kernel the recipe does not name, passes every check."""
    assert i386_boot.wrong == []
    assert i386_boot.release.manifest.kernel_version.endswith("-686-pae")
