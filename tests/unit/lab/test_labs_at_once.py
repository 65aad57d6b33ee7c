"""Labs that try one release at the same time, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lab_subject import release_of

from builder.lab.report.report import LabReport
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, SUMS, Lab
from builder.release.verdict import read

SECONDS = 60


class RunningLab:
    """A process that has read the release's report and now tries node `name`; see `labs_at_once`."""

    def __init__(self, release: Path, name: str, outcome: str, seed: int) -> None:
        cache = release.with_name(f"cache-{name}-{seed}")  # a lock in a cache would not do
        argv = [sys.executable, Path(__file__).with_name("labs_at_once.py"), release, cache, name, outcome, str(seed)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "began\n"

    def finish(self) -> None:
        """Let it end its trial, and wait until it has."""
        self.process.communicate("go on\n", timeout=SECONDS)
        assert self.process.returncode == 0


@pytest.fixture
def release(kerrighed: Recipe, tmp_path: Path) -> Path:
    """A release without files."""
    directory = tmp_path / "release"
    directory.mkdir()
    return release_of(kerrighed, directory).directory


def report(release: Path) -> LabReport:
    """What stands in lab.json; it names the manifest."""
    found = LabReport.model_validate_json((release / "lab.json").read_bytes())
    assert read(release) is found.verdict
    return found


@pytest.mark.parametrize("name", ["ssi1", "ssi2"])
def test_a_failure_outlives_a_lab_that_ends_later(release: Path, name: str) -> None:
    """A lab that passes, and began before another one failed, does not erase the failure, whatever node it tried."""
    failing, passing = RunningLab(release, "ssi1", "failed", 0), RunningLab(release, name, "passed", 1)
    failing.finish()
    passing.finish()
    found = report(release)
    assert [(cell.asked, cell.passed) for cell in found.cells] == [(("ssi1",), False), ((name,), True)]
    assert found.verdict is Lab.FAILED
    RunningLab(release, "ssi1", "passed", 2).finish()
    assert report(release).verdict is Lab.PASSED, "who tries again and passes is believed"


@pytest.mark.parametrize("seed", range(3))
def test_labs_that_end_at_once_all_count(release: Path, seed: int) -> None:
    """Whoever writes at the same time as others, the report has what every one of them found."""
    outcomes = {f"ssi{number}": "failed" if number == seed + 1 else "passed" for number in range(1, 5)}
    labs = [RunningLab(release, name, outcome, seed + place) for place, (name, outcome) in enumerate(outcomes.items())]
    for lab in labs:
        assert lab.process.stdin is not None
        lab.process.stdin.write("go on\n")
        lab.process.stdin.flush()
    for lab in labs:
        lab.process.communicate(timeout=SECONDS)
        assert lab.process.returncode == 0
    found = report(release)
    assert {cell.asked[0]: "passed" if cell.passed else "failed" for cell in found.cells} == outcomes
    assert found.verdict is Lab.FAILED
    assert sorted(path.name for path in release.iterdir()) == [SUMS, "lab.html", "lab.json", FILE]
