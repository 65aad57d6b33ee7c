"""The surroundings of a build: cache, container engine and output directory, and the log and room of each step."""

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
"""The memory, in MiB, that steps leave to everything else on the machine."""
FULL = re.compile(f"{os.strerror(errno.ENOSPC)}|enough free space")
"""The texts that apt and other programs of a job write when the disk is full."""


@dataclass(frozen=True)
class Workspace:
    """The surroundings of a build: its cache, its container engine, the output directory, and a sink for events."""

    cache: Cache
    engine: Engine
    output: Path
    emit: Emit

    @contextlib.contextmanager
    def log_step(self, step: str, reason: str, log_name: str) -> Iterator[OnLine]:
        """A context in which a step runs: it emits events for start, end and output, and logs every line."""
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
        """Call `work` with a room for the step's files; `on_line` gets each line that the step writes.

        The room is in memory, which is much faster, when memory has `mib` MiB to spare, else on disk.  When memory
        turns out to be too small, the step begins anew on disk, with an empty directory `output`.

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
    """A function that passes lines on, and notes whether one of them reports a full disk."""

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
