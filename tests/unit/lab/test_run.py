from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab_subject import release_of

from builder.cache import Cache
from builder.errors import InputError, NfsrootError
from builder.lab import run
from builder.lab.cases import case_run
from builder.lab.cases.case import make_case
from builder.lab.events import CaseBegan, LabEvent
from builder.lab.report.report import LabReport
from builder.lab.vocabulary.hardware import Firmware
from builder.recipe.models import Recipe
from builder.release.manifest import FILE, SUMS, Lab
from builder.release.verdict import read


def test_a_rack_that_cannot_be_made_is_a_failed_lab(
    kerrighed: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that cannot be installed fails the release: report and page say so."""

    @contextmanager
    def no_rack(*_of: object) -> Iterator[None]:
        raise NfsrootError("install.sh failed", details="dhcpd rejects dhcpd.conf")
        yield

    monkeypatch.setattr(case_run, "run_rack", no_rack)
    release, events = release_of(kerrighed, tmp_path), list[LabEvent]()
    report = run.run(release, [make_case(release, [], Firmware.BIOS)], Cache(tmp_path / "cache"), events.append)
    assert (report.verdict, [cell.nodes for cell in report.cells]) == (Lab.FAILED, [()])
    assert [type(event) for event in events] == [CaseBegan]
    assert report.cells[0].problem == "install.sh failed\ndhcpd rejects dhcpd.conf"
    assert LabReport.model_validate_json((tmp_path / "lab.json").read_text()) == report
    assert "dhcpd rejects dhcpd.conf" in (tmp_path / "lab.html").read_text()
    assert read(tmp_path) is Lab.FAILED


def test_a_run_adds_to_the_report(kerrighed: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run found of another combination stays in report and page, and its failure in the verdict."""

    @contextmanager
    def no_rack(*_of: object) -> Iterator[None]:
        raise NfsrootError("install.sh failed")
        yield

    monkeypatch.setattr(case_run, "run_rack", no_rack)
    release, cache = release_of(kerrighed, tmp_path), Cache(tmp_path / "cache")
    for firmware in (Firmware.BIOS, Firmware.UEFI, Firmware.BIOS):
        report = run.run(release, [make_case(release, [], firmware)], cache, lambda _: None)
    assert [cell.firmware for cell in report.cells] == [Firmware.UEFI, Firmware.BIOS]
    assert (tmp_path / "lab.html").read_text().count("by an earlier run") == 1


def test_a_lab_that_cannot_run_here_is_no_verdict(
    kerrighed: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong with this machine says nothing about the release, which stays as it was."""

    @contextmanager
    def no_root(*_of: object) -> Iterator[None]:
        raise InputError("only root may do that")
        yield

    monkeypatch.setattr(case_run, "run_rack", no_root)
    directory = tmp_path / "release"
    directory.mkdir()
    release = release_of(kerrighed, directory)
    with pytest.raises(InputError):
        run.run(release, [make_case(release, [], Firmware.BIOS)], Cache(tmp_path / "cache"), lambda _: None)
    assert sorted(path.name for path in directory.iterdir()) == [SUMS, FILE]
    assert read(directory) is Lab.NONE


def test_what_a_killed_lab_left_is_swept(kerrighed: Recipe, tmp_path: Path) -> None:
    """The next run removes the logs and sockets of a lab that was killed, and nothing of one that still runs."""
    cache = Cache(tmp_path / "cache")
    left = tmp_path / "cache/unfinished/lab.0123/ssi1"
    left.mkdir(parents=True)
    with cache.work("lab") as living:
        run.run(release_of(kerrighed, tmp_path), [], cache, lambda _: None)
        assert [path.name for path in left.parent.parent.iterdir()] == [living.name]
