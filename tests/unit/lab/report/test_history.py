"""What a release's report and verdict cover after several runs of the lab."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab_report import FAILED, PASSED, STOP, cell, node, report
from lab_subject import release_of

from builder.errors import InputError
from builder.lab.report.history import combine_results, decide_verdict, read_earlier, replaces
from builder.lab.report.report import FILE, CellReport
from builder.lab.vocabulary.hardware import Firmware, Nic
from builder.recipe.choices import DhcpServer
from builder.recipe.models import Recipe
from builder.release.manifest import Lab
from builder.release.verdict import digest

GOOD = cell(node())
BAD = cell(node(passed=False, checks=(PASSED, FAILED)))
GOOD_AGAIN = cell(node(checks=(PASSED, FAILED.model_copy(update={"passed": True}))))
STUCK = cell(node(passed=False, stopped=STOP, checks=()))
NO_RACK = cell(passed=False, problem="the dhcp server did not start", asked=("ssi1",))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [([GOOD, GOOD], Lab.PASSED), ([GOOD, BAD], Lab.FAILED), ([BAD, GOOD], Lab.FAILED), ([], Lab.FAILED)],
)
def test_verdict(cells: list[CellReport], expected: Lab) -> None:
    """Only cells that all passed, and at least one of them, make a release pass."""
    assert decide_verdict(cells) is expected


@pytest.mark.parametrize("bad", [BAD, STUCK, NO_RACK])
def test_a_failure_is_settled_by_the_same_combination(bad: CellReport) -> None:
    """Who mends something and tries the same again is believed; a failure settles what passed before."""
    assert combine_results([bad], [bad], [GOOD_AGAIN]) == (GOOD_AGAIN,)
    assert combine_results([GOOD], [GOOD], [bad]) == (bad,)


@pytest.mark.parametrize("bad", [BAD, STUCK, NO_RACK])
def test_a_failure_that_another_run_found_meanwhile_stays(bad: CellReport) -> None:
    """Of two runs of one combination at the same time the one that passes says nothing of the other's failure."""
    assert combine_results([], [bad], [GOOD_AGAIN]) == (bad, GOOD_AGAIN)
    assert decide_verdict(combine_results([], [bad], [GOOD_AGAIN])) is Lab.FAILED
    assert combine_results([], [GOOD], [GOOD_AGAIN]) == (GOOD_AGAIN,)
    assert combine_results([bad], [], [GOOD_AGAIN]) == (GOOD_AGAIN,), "somebody began anew meanwhile"


@pytest.mark.parametrize(
    "other",
    [
        cell(node(), firmware=Firmware.UEFI),
        cell(node(), nic=Nic.E1000E),
        cell(node(), dhcp=DhcpServer.KEA),
        cell(node("ssi2")),
        cell(node(), node("ssi2")),
    ],
)
def test_a_failure_is_not_settled_by_another_combination(other: CellReport) -> None:
    """What passes elsewhere does not hide what failed here."""
    assert combine_results([BAD], [BAD], [other]) == (BAD, other)
    assert decide_verdict(combine_results([BAD], [BAD], [other])) is Lab.FAILED


def test_a_failed_check_has_to_be_made_again() -> None:
    """A run that leaves out the check that failed, such as a reboot, says nothing about it."""
    assert not replaces(GOOD, BAD)
    assert not replaces(STUCK, BAD)
    assert replaces(GOOD_AGAIN, BAD)


def test_cells_add_up() -> None:
    """Runs of different combinations cover them all, the last run's at the end."""
    uefi, kea = cell(node(), firmware=Firmware.UEFI), cell(node(), dhcp=DhcpServer.KEA)
    assert combine_results((GOOD, uefi), combine_results([], [], [GOOD, uefi]), [kea]) == (GOOD, uefi, kea)


def test_report_of_before(kerrighed: Recipe, tmp_path: Path) -> None:
    """The release's own report says what was tried, also one that names no manifest; without one nothing was."""
    release = release_of(kerrighed, tmp_path)
    assert read_earlier(release) == ()
    for named in ("", digest(tmp_path)):
        (tmp_path / FILE).write_text(report(GOOD, BAD, manifest=named).text())
        assert read_earlier(release) == (GOOD, BAD)


@pytest.mark.parametrize("other", [{"content": "d" * 24}, {"manifest": "0" * 64}])
def test_report_about_another_release(kerrighed: Recipe, tmp_path: Path, other: dict[str, str]) -> None:
    """A report that was made of another release is not added to."""
    (tmp_path / FILE).write_text(report(GOOD, **other).text())
    with pytest.raises(InputError, match=r"lab\.json is about another manifest"):
        read_earlier(release_of(kerrighed, tmp_path))


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": 2}'])
def test_report_that_cannot_be_read(kerrighed: Recipe, tmp_path: Path, text: str) -> None:
    """A report that is damaged, or of another nfsroot, may hide a failure: its reader has to decide."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(
        InputError, match=r"lab\.json is not a report .*\n[^$]*Remove the file, and try every test case again"
    ):
        read_earlier(release_of(kerrighed, tmp_path))
