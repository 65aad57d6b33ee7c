"""A disk whose power can be cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.lab.server.vm.disk import BLOCK, Disk, open_disk

COUNT = 64
OLD, NEW = b"o" * BLOCK, b"n" * BLOCK


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The file of a disk of 64 blocks."""
    file = tmp_path / "disk"
    file.write_bytes(OLD * COUNT)
    return file


def blocks(disk: Disk) -> list[bytes]:
    """All blocks of the disk."""
    content = disk.read(0, disk.size)
    return [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]


def test_writes_are_read_again(base: Path) -> None:
    """A block is as it was written, flushed or not, and the file is as it was."""
    with open_disk(base, "a") as disk:
        disk.write(BLOCK, NEW)
        disk.flush()
        disk.write(2 * BLOCK, NEW)
        assert blocks(disk)[:4] == [OLD, NEW, NEW, OLD]
        assert len(blocks(disk)) == COUNT
    assert base.read_bytes() == OLD * COUNT


def test_flushed_blocks_outlive_the_power(base: Path) -> None:
    """A cut takes nothing that was flushed, and some, not all, of what was written after that."""
    with open_disk(base, "a") as disk:
        disk.write(0, NEW * 32)
        disk.flush()
        disk.write(32 * BLOCK, NEW * 31)
        disk.write(63 * BLOCK, NEW, through=True)
        disk.cut_power()
        left = blocks(disk)
    assert left[:32] == [NEW] * 32
    assert left[63] == NEW
    assert {OLD, NEW} == set(left[32:63])
    assert disk.lost == left.count(OLD)


def test_seed_says_what_is_lost(base: Path) -> None:
    """The same writes and the same seed lose the same blocks; another seed loses others."""

    def left(seed: str) -> list[bytes]:
        with open_disk(base, seed) as disk:
            disk.write(0, NEW * COUNT)
            disk.cut_power()
            return blocks(disk)

    assert left("a") == left("a") != left("b")


def test_power_is_cut_at_a_write(base: Path) -> None:
    """The write that would pass the limit does not happen, the machine is ended, and the next one may write again."""
    ended: list[bool] = []
    with open_disk(base, "a") as disk:
        disk.cut_power_after(2 * BLOCK, lambda: ended.append(True))
        assert disk.write(0, NEW)
        disk.flush()
        assert disk.write(BLOCK, NEW)
        assert not ended
        assert not disk.write(2 * BLOCK, NEW)
        assert ended == [True]
        assert disk.write(3 * BLOCK, NEW)
        assert blocks(disk)[0] == NEW
        assert blocks(disk)[2:4] == [OLD, NEW]
    assert ended == [True]
