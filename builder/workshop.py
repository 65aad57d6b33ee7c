"""Where a build works, and how a step runs there: its log, its time, its room to work in."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builder.cache import Cache
from builder.container.engine import Engine
from builder.errors import InputError, NfsrootError
from builder.events import Emit, StepFinished, StepOutput, StepStarted
from builder.process import OnLine

MIB_TO_SPARE = 1024


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
        with log.open("w", buffering=1) as file:
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

    @contextlib.contextmanager
    def scratch(self, mib: int) -> Iterator[Path | None]:
        """A directory on disk to work in, or None where memory has room for `mib` MiB: a tmpfs is much faster."""
        if _available_mib() > mib + MIB_TO_SPARE:
            yield None
            return
        with self.cache.work("scratch") as directory:
            yield directory


def _available_mib() -> int:
    """MemAvailable of /proc/meminfo (proc(5)), in MiB."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) >> 10 if found else 0
