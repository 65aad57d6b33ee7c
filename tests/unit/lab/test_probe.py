from __future__ import annotations

from builder.lab.probe import Mount, mount


def test_of_several_mounts_the_last_one_counts() -> None:
    """What is mounted over an earlier mount is what a node sees."""
    lines = "rootfs / rootfs rw 0 0\n192.168.0.1:/NFSROOT/debian/1 / nfs ro,vers=3 0 0"
    assert mount(lines) == Mount("192.168.0.1:/NFSROOT/debian/1", "/", "nfs", ("ro", "vers=3"))
