"""Node ssi1 boots from each kind of root beside those of the first boots, and passes every check."""

from __future__ import annotations

import pytest
from first_boot import EVERY_CHECK, WITHOUT_KEYS, Boot

from builder.lab.phases import Phase
from builder.release.manifest import Lab

pytestmark = pytest.mark.boot

NEEDLESS = {"lockdown", "reboot", "Kerrighed ids"} | WITHOUT_KEYS


def reasons(boot: Boot) -> dict[str, str]:
    """What each check saw."""
    return {check.name: check.reason for check in boot.node.checks}


def test_nfs_version_4(nfs4_boot: Boot) -> None:
    """Root and shared directories are mounted by NFSv4 from a server without rpcbind."""
    assert nfs4_boot.wrong == []
    assert nfs4_boot.report.verdict is Lab.PASSED
    made = reasons(nfs4_boot)
    assert set(made) == EVERY_CHECK - NEEDLESS
    assert "vers=4" in made["root mount"]
    assert made["shared directories"].count("vers=4") == 2
    assert [time.phase for time in nfs4_boot.node.phases if time.ended > time.began] == list(Phase)


def test_image(image_boot: Boot) -> None:
    """The root is an overlay over the release's image, and takes files everywhere."""
    assert image_boot.wrong == []
    assert image_boot.report.verdict is Lab.PASSED
    made = reasons(image_boot)
    assert set(made) == EVERY_CHECK - NEEDLESS - {"writable directories", "shared directories"}
    assert made["root mount"].startswith("overlay / overlay rw,")
    assert made["access to the root"].startswith("taken: ")
    (image,) = image_boot.release.directory.glob("*-root.squashfs")
    assert image_boot.node.traffic.nfs < image.stat().st_size


def test_image_over_http(image_over_http_boot: Boot) -> None:
    """The root is an overlay over an image that the node fetched as a whole; no NFS is spoken."""
    assert image_over_http_boot.wrong == []
    assert image_over_http_boot.report.verdict is Lab.PASSED
    made = reasons(image_over_http_boot)
    assert set(made) == EVERY_CHECK - NEEDLESS - {"writable directories", "shared directories"}
    assert "/run/initramfs/nfsroot/export tmpfs ro" in made["root mount"]
    (image,) = image_over_http_boot.release.directory.glob("*-root.erofs")
    assert image_over_http_boot.node.traffic.nfs == 0
    assert image_over_http_boot.node.traffic.http > image.stat().st_size
    assert [time.phase for time in image_over_http_boot.node.phases if time.ended > time.began] == list(Phase)
