"""An engine that runs nothing: it records the jobs that it is given, and does what a test wants done instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from builder.container.engine import Image, Job
from builder.process import OnLine

IMAGE = Image("0123456789abcdef01234567", Path("/cache/builder-image/rootfs"))


class RecordingEngine:
    """Keeps every job in `jobs`; `act(job, on_line)` stands in for the job's work."""

    name = "recording"

    def __init__(self, act: Callable[[Job, OnLine], None] = lambda _job, _on_line: None) -> None:
        self.jobs: list[Job] = []
        self._act = act

    def run(self, image: Image, job: Job, on_line: OnLine) -> None:  # noqa: ARG002
        """Record `job` and act."""
        self.jobs.append(job)
        self._act(job, on_line)
