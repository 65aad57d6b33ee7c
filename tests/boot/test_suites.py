"""A release of Debian 12 boots as one of Debian 13 does, from the same servers and boot loaders."""

from __future__ import annotations

import pytest
from first_boot import Boot

from builder.lab.qemu import Nic

pytestmark = pytest.mark.boot


def test_bookworm_passes_every_check(bookworm_boot: Boot) -> None:
    """Debian 12's kernel, which has virtio's bus as a module, finds its card, and the node passes every check."""
    assert bookworm_boot.wrong == []
    assert bookworm_boot.release.manifest.kernel_version.startswith("6.1.")
    assert bookworm_boot.report.cells[0].nic is Nic.VIRTIO_NET
