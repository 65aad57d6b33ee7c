"""A disk whose power can be cut: blocks that were written, and not flushed by then, are lost or kept by lot.

The lab itself serves the disk, because QEMU writes at once into the file of a disk, where the kernel of this machine
keeps everything when QEMU is killed.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile

BLOCK = 4096
"""The bytes of a block, which is read and written as a whole."""


class Disk:
    """A disk with the content of the file `base`, which is only read; `overlay` is an empty file for what is flushed.

    The choice of blocks that a power cut leaves depends on `seed` alone, and on what was written.
    """

    def __init__(self, base: int, overlay: int, seed: str) -> None:
        self.size = os.fstat(base).st_size // BLOCK * BLOCK
        self.lost = 0
        """The number of blocks that power cuts took."""
        self.written = 0
        """The number of bytes that were written, flushed or not."""
        self._base = base
        self._overlay = overlay
        self._flushed: set[int] = set()
        self._pending: dict[int, bytes] = {}
        self._dice = random.Random(seed)
        self._bytes_until_cut = 0
        self._cut: Callable[[], None] | None = None
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """The number of blocks that were written and not flushed."""
        return len(self._pending)

    def cut_power_after(self, count: int, cut: Callable[[], None]) -> None:
        """Cut the power as soon as `count` more bytes are written; `cut` ends the machine that has the disk."""
        with self._lock:
            self._bytes_until_cut, self._cut = count, cut

    def cut_power(self) -> None:
        """Forget about half of the blocks that were not flushed, and none of the others."""
        with self._lock:
            self._forget()

    def read(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on; both numbers are multiples of BLOCK."""
        with self._lock:
            return b"".join(self._read_block(number) for number in _list_blocks(offset, length))

    def write(self, offset: int, data: bytes, *, through: bool = False) -> bool:
        """Write whole blocks at `offset`, and flush them if they go `through`; false when the power is cut instead."""
        with self._lock:
            if self._cut is not None:
                self._bytes_until_cut -= len(data)
                if self._bytes_until_cut < 0:
                    cut, self._cut = self._cut, None
                    self._forget()
                    cut()
                    return False
            self.written += len(data)
            for place, number in enumerate(_list_blocks(offset, len(data))):
                self._pending[number] = data[place * BLOCK : (place + 1) * BLOCK]
                if through:
                    self._keep(number, self._pending.pop(number))
            return True

    def flush(self) -> None:
        """Keep every block that was written so far."""
        with self._lock:
            for number, content in self._pending.items():
                self._keep(number, content)
            self._pending.clear()

    def _forget(self) -> None:
        for number, content in self._pending.items():
            if self._dice.random() < 0.5:
                self._keep(number, content)
            else:
                self.lost += 1
        self._pending.clear()

    def _read_block(self, number: int) -> bytes:
        if number in self._pending:
            return self._pending[number]
        return os.pread(self._overlay if number in self._flushed else self._base, BLOCK, number * BLOCK)

    def _keep(self, number: int, content: bytes) -> None:
        os.pwrite(self._overlay, content, number * BLOCK)
        self._flushed.add(number)


def _list_blocks(offset: int, length: int) -> range:
    return range(offset // BLOCK, (offset + length) // BLOCK)


@contextmanager
def open_disk(base: Path, seed: str) -> Iterator[Disk]:
    """A disk with the content of the file `base`; what is written to the disk is gone when the block is left."""
    with ExitStack() as stack:
        read = stack.enter_context(base.open("rb"))
        overlay = stack.enter_context(TemporaryFile(dir=os.environ.get("TMPDIR", "/var/tmp")))
        yield Disk(read.fileno(), overlay.fileno(), seed)
