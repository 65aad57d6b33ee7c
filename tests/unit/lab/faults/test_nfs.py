"""What is taken for a loss when the NFS server was away."""

from __future__ import annotations

import pytest

from builder.lab.faults.nfs import judge_outage

DIGEST = "ab" * 32
TIMES = "100.10\n100.30\n193.90\n194.10\n"
GOOD = f"{DIGEST}  -\nrunning\n{TIMES}"
KEPT = f"{DIGEST}  /NFSROOT/kerrighed/1.0/var/tmp/nfs-outage.0123"


def test_nothing_lost() -> None:
    """A write waited, the node runs, and the server has what was fsynced."""
    finding = judge_outage(GOOD, KEPT)
    assert finding.problems == ()
    assert finding.reason == "4 blocks fsynced; the one in between took 94 s"


@pytest.mark.parametrize(
    ("said", "kept", "problem"),
    [
        (GOOD, KEPT.replace("ab", "cd", 1), "differs from the blocks that were synced"),
        (GOOD, "sha256sum: no such file", "differs from the blocks that were synced"),
        (GOOD, "", "differs from the blocks that were synced"),
        (GOOD.replace("running", "degraded"), KEPT, "systemd's state is degraded"),
        (GOOD.replace("193.90\n194.10\n", "dd: fsync failed: Input/output error\n"), KEPT, "Input/output error"),
        ("", "", "systemd's state is unknown"),
    ],
)
def test_losses(said: str, kept: str, problem: str) -> None:
    """Other bytes on the server, a failed write, an outage that was not felt, a unit that failed: each is told."""
    assert problem in judge_outage(said, kept).reason
