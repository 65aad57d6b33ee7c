"""Where a build works, and how a step runs there: its log, its time, its room to work in."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.cache import Cache
from builder.container.engine import Engine, Room
from builder.errors import InputError, NfsrootError
from builder.events import Emit, StepFinished, StepOutput, StepStarted
from builder.memory import available_mib
from builder.process import OnLine

MIB_TO_SPARE = 1024
"""Memory for everything else."""
FULL = re.compile(f"{os.strerror(errno.ENOSPC)}|enough free space")
"""What programs of a job, and apt, write when there is no room."""


@dataclass(frozen=True)
class Workshop:
    """The cache of a build, its container engine, where releases go and who hears of what happens."""

    cache: Cache
    engine: Engine
    output: Path
    emit: Emit

    @contextlib.contextmanager
    def running(self, step: str, reason: str, log_name: str) -> Iterator[OnLine]:
        """A step while it runs: its start and its time are told, and every line that it writes is logged too."""
        started = time.monotonic()
        log, one_at_a_time = self.cache.log(log_name), threading.Lock()
        self.emit(StepStarted(step, reason))
        with log.open("w", buffering=1, encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"== {step}: {reason}\n")

            def on_line(line: str) -> None:
                with one_at_a_time:  # tools of a step may run side by side
                    file.write(f"{line}\n")
                    self.emit(StepOutput(step, line))

            try:
                yield on_line
            except InputError:
                raise
            except NfsrootError as error:
                error.resolution = f"{error.resolution}\nThe whole output, with the commands: {log}".strip()
                raise
        self.emit(StepFinished(step, time.monotonic() - started))

    def find_room(
        self, step: str, mib: int, output: Path, work: Callable[[Room, OnLine], None], on_line: OnLine
    ) -> None:
        """Have a step `work` in a room, with `on_line` to hear what it writes.

        The room is in memory, which is much faster, where memory has `mib` MiB to spare, and on disk else.  Where
        memory turns out to be too small, the step begins anew on disk, with an empty directory `output`.

        :raises NoSpaceError: the disk is full, too.
        """
        spare = available_mib() - MIB_TO_SPARE
        if spare > mib:
            lines = _Watch(on_line)
            try:
                work(Room(spare), lines)
                return
            except NfsrootError:
                if not lines.told_of_full or self.cache.free_mib() == 0:
                    raise
            self.emit(StepStarted(step, f"runs: anew, on disk, since {spare} MiB of memory were too little"))
            _empty(output)
        with self.cache.work("scratch") as directory:
            work(Room(directory=directory), on_line)


class _Watch:
    """Hands lines on, and notes whether one of them told that there is no room."""

    def __init__(self, on_line: OnLine) -> None:
        self._on_line = on_line
        self.told_of_full = False

    def __call__(self, line: str) -> None:
        self.told_of_full = self.told_of_full or FULL.search(line) is not None
        self._on_line(line)


def _empty(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
