"""The results of a release over several runs of the lab: a failure counts until the same test case is tried again."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from builder.errors import InputError
from builder.lab.released.release import Release
from builder.lab.report.report import FILE, CellReport, LabReport
from builder.release.manifest import Lab, explain
from builder.release.verdict import another_manifest, digest


def read_earlier(release: Release) -> tuple[CellReport, ...]:
    """The cells in the report of a release; none when there is no report.

    The report of an older nfsroot identifies the release by its content, not by its manifest.

    :raises InputError: the file is not a report, or is about another release.
    """
    file = release.directory / FILE
    if not file.exists():
        return ()
    try:
        found = LabReport.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise InputError(
            f"{file} is not a report of this nfsroot, so that nobody can tell what failed before",
            details=explain(error),
            resolution="Remove the file to begin anew, with everything that is to be tried.",
        ) from error
    named = found.manifest == digest(release.directory) if found.manifest else True
    if found.content != release.manifest.content or not named:
        raise another_manifest(file)
    return found.cells


def combine_results(
    known: Sequence[CellReport], before: Sequence[CellReport], tried: Sequence[CellReport]
) -> tuple[CellReport, ...]:
    """The last result of each test case: the cells of `before` that `tried` does not replace, and `tried`.

    `known` are the cells that the report had when the run of `tried` began.  A failure that another run has reported
    since then is not replaced: nobody can have mended it.
    """
    return (*(old for old in before if not _is_replaced(old, tried, mended=old.passed or old in known)), *tried)


def _is_replaced(old: CellReport, tried: Sequence[CellReport], *, mended: bool) -> bool:
    return mended and any(replaces(new, old) for new in tried)


def replaces(new: CellReport, old: CellReport) -> bool:
    """Whether `new` replaces `old`: both are of the same test case, and `new` has each check that failed in `old`."""
    made = {(node.name, check.name) for node in new.nodes for check in node.checks}
    failed = {(node.name, check.name) for node in old.nodes for check in node.failed}
    return new.case == old.case and failed <= made


def decide_verdict(cells: Sequence[CellReport]) -> Lab:
    """The verdict on a release: passed, when the last result of every test case that was ever tried is passed."""
    return Lab.PASSED if cells and all(cell.passed for cell in cells) else Lab.FAILED
