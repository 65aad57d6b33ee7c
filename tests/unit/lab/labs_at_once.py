"""A lab without racks: `python labs_at_once.py RELEASE CACHE NAME OUTCOME SEED`.

It tries node NAME with the outcome `passed` or `failed`, says that it began, and ends its trial when a line comes.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path
from typing import Any

from lab_report import cell, node

from builder.cache import Cache
from builder.lab import run
from builder.lab.released.release import read_release
from builder.lab.report.html import CaseEvidence, Evidence

release, cache, name, outcome, seed = sys.argv[1:]


class FakeRun:
    """A run of a test case that comes out as the command line says, after a moment."""

    def __init__(self, *_of: Any) -> None:
        pass

    def run(self, _meanwhile: Any) -> Any:
        """What came out."""
        sys.stdout.write("began\n")
        sys.stdout.flush()
        sys.stdin.readline()
        time.sleep(random.Random(seed).random() / 10)
        return cell(node(name, passed=outcome == "passed")), CaseEvidence({name: Evidence(b"", "", "")}, {})


run.CaseRun = FakeRun  # type: ignore[misc, assignment]
run.run(read_release(Path(release)), [None], Cache(Path(cache)), lambda _: None)  # type: ignore[list-item]
